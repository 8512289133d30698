#include "controlplane/evaluation.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "controlplane/audit.h"
#include "controlplane/session.h"
#include "identity/oidc/protocol.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// One question to one evaluator.
class Question {
 public:
  Question(Context& context, const decision::Evaluator& evaluator)
      : context_(context), evaluator_(evaluator) {}

  std::expected<bool, EvaluationError> ask(json::object identity) {
    const auto now = context_.now();
    const std::string nonce = random_base64url(32);
    net::OutboundRequest request;
    request.method = "POST";
    request.url = evaluator_.evaluate_url;
    request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/json"}};
    request.body =
        json::serialize(json::object{{"token", context_.dependencies.vault.sign(evaluation_claims(
                                                   std::move(identity), nonce, now))}});
    request.max_response_bytes = kMaxEvaluationAnswerBytes;
    const auto answer = GATEHOUSE_TRY(send(std::move(request)));
    if (answer.status != 200) return std::unexpected(EvaluationError::UnexpectedStatus);

    const auto known = context_.evaluator_keys.find(evaluator_.keys_url, now);
    const auto keys = known ? known : GATEHOUSE_TRY(fetch_keys());
    auto verdict = read_evaluation(answer.body, *keys, nonce, context_.now());
    if (!verdict && verdict.error() == EvaluationError::UnknownKey && known &&
        context_.evaluator_keys.admit_refetch(evaluator_.keys_url, now)) {
      const auto newer = GATEHOUSE_TRY(fetch_keys());
      verdict = read_evaluation(answer.body, *newer, nonce, context_.now());
    }
    return verdict;
  }

 private:
  std::expected<EvaluatorKeys::Shared, EvaluationError> fetch_keys() {
    net::OutboundRequest request;
    request.url = evaluator_.keys_url;
    request.headers = {{"Accept", "application/json"}};
    request.max_response_bytes = kMaxEvaluatorKeysBytes;
    const auto answer = send(std::move(request));
    if (!answer || answer->status != 200) return std::unexpected(EvaluationError::KeysUnusable);
    auto keys = identity::parse_jwks(answer->body);
    if (!keys) return std::unexpected(EvaluationError::KeysUnusable);
    auto shared = std::make_shared<const jose::JwkSet>(std::move(*keys));
    context_.evaluator_keys.keep(evaluator_.keys_url, shared, context_.now());
    return shared;
  }

  std::expected<net::HttpResponse, EvaluationError> send(net::OutboundRequest request) {
    const auto left = std::chrono::duration_cast<milliseconds>(until_ - SteadyClock::now());
    if (left <= milliseconds::zero()) return std::unexpected(EvaluationError::Unreachable);
    request.timeout = left;
    request.connect_timeout = std::min(request.connect_timeout, left);
    auto answer = context_.dependencies.http_client.send(request);
    if (answer) return std::move(*answer);
    spdlog::warn("evaluator_failed message=\"{}\"", answer.error().message);
    switch (answer.error().failure) {
      case net::OutboundFailure::TooLarge:
      case net::OutboundFailure::Protocol:
        return std::unexpected(EvaluationError::Malformed);
      case net::OutboundFailure::Timeout:
      case net::OutboundFailure::Unreachable:
      case net::OutboundFailure::Tls:
        break;
    }
    return std::unexpected(EvaluationError::Unreachable);
  }

  Context& context_;
  const decision::Evaluator& evaluator_;
  SteadyClock::time_point until_ = SteadyClock::now() + kEvaluationTimeout;
};

// Without what a query may carry.
std::string_view address_of(const decision::Evaluator& evaluator) {
  return std::string_view(evaluator.evaluate_url).substr(0, evaluator.evaluate_url.find('?'));
}

void record(Context& context, const Browser& browser, const Journey& journey,
            const model::Session& session, const decision::Evaluator& evaluator,
            const std::expected<bool, EvaluationError>& verdict) {
  json::object details{{"evaluator", address_of(evaluator)}};
  std::string_view reason;
  if (!verdict)
    reason = to_string(verdict.error());
  else if (!*verdict)
    reason = decision::info(decision::Reason::EvaluationRefused).code;
  if (verdict) details["success"] = *verdict;
  spdlog::info("evaluation_result user={} evaluator={} reason={} reference={}",
               session.identity.user_id, address_of(evaluator), reason.empty() ? "none" : reason,
               browser.reference);
  audit(context, browser,
        {audit_event::kEvaluationResult, session.identity.email, journey.application->id, reason,
         std::move(details)});
}

void keep(model::Session& session, const model::EvaluationEvidence& evidence) {
  std::erase_if(session.evaluations, [&](const auto& other) { return other.key == evidence.key; });
  session.evaluations.push_back(evidence);
}

}  // namespace

bool awaits_evaluation(decision::Reason reason) {
  return reason == decision::Reason::EvaluationMissing ||
         reason == decision::Reason::EvaluationStale;
}

bool is_due(const model::Session& session, const decision::Evaluator& evaluator, Instant now) {
  const auto found =
      std::ranges::find(session.evaluations, evaluator.key, &model::EvaluationEvidence::key);
  if (found == session.evaluations.end() || found->established_at > now) return true;
  const auto age = now - found->established_at;
  return age >= (found->success ? evaluator.max_age / 2 : kEvaluationRetryInterval);
}

std::expected<std::optional<model::Session>, Failure> ask_evaluators(Context& context,
                                                                     const Browser& browser,
                                                                     const Journey& journey,
                                                                     model::Session session) {
  for (const auto& evaluator : journey.application->evaluators) {
    const auto now = context.now();
    if (!is_due(session, evaluator, now)) continue;
    const auto verdict =
        Question(context, evaluator)
            .ask(identity_document(context, *journey.configuration, browser.address.to_string(),
                                   session, session.identity.authenticated_at));
    record(context, browser, journey, session, evaluator, verdict);
    if (!verdict) continue;
    const model::EvaluationEvidence evidence{evaluator.key, *verdict, now};
    auto changed = GATEHOUSE_TRY(from_store(
        context.sessions.change(session.nonce, context.now(),
                                [&](model::Session& current) { keep(current, evidence); }),
        browser.reference));
    if (!changed) return std::nullopt;
    session = std::move(*changed);
  }
  return session;
}

}  // namespace gatehouse::controlplane
