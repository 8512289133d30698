#include "controlplane/posture_exchange.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/try.h"
#include "controlplane/audit.h"
#include "controlplane/evaluation.h"
#include "controlplane/session.h"
#include "controlplane/sign_in.h"
#include "controlplane/transaction.h"
#include "decision/engine.h"
#include "model/limits.h"
#include "platform/random.h"
#include "posture/tanium/tanium.h"

namespace gatehouse::controlplane {
namespace {

using decision::Reason;

std::string page_url(const Context& context, const Browser& browser,
                     const Transaction& transaction) {
  return "/cdn-cgi/access/posture?transaction=" +
         seal_transaction(context, browser, transaction, model::kSignInLifetime);
}

Instant established_at(const model::Session& session, std::string_view integration) {
  for (const auto& evidence : session.posture)
    if (evidence.integration_id == integration) return evidence.established_at;
  return Instant::min();
}

Reason reason_of(posture::TaniumError error) {
  switch (error) {
    case posture::TaniumError::KeyExpired:
      return Reason::PostureProviderMisconfigured;
    case posture::TaniumError::NonceMismatch:
      return Reason::PostureNonceMismatch;
    case posture::TaniumError::Expired:
      return Reason::PostureTokenExpired;
    case posture::TaniumError::Malformed:
    case posture::TaniumError::BadSignature:
    case posture::TaniumError::WrongAudience:
    case posture::TaniumError::WrongIssuer:
    case posture::TaniumError::NotYetValid:
    case posture::TaniumError::MissingTime:
      break;
  }
  return Reason::PostureTokenInvalid;
}

// One exchange: its transaction, taken up again.
struct Exchange {
  Transaction transaction;
  Journey journey;
  model::Session session;
  const posture::TaniumProfile* profile = nullptr;  // of the journey's configuration
};

// Evidence, or why there is none. What must happen once is consumed here.
std::expected<std::expected<model::PostureEvidence, Reason>, Failure> verify(
    Context& context, const Browser& browser, const Exchange& exchange,
    const PostureResult& result) {
  using Verdict = std::expected<model::PostureEvidence, Reason>;
  const auto refuse_it = [](Reason reason) { return Verdict(std::unexpected(reason)); };
  if (result.token.empty()) return refuse_it(reported_reason(result));
  if (result.token.size() > model::kMaxPostureTokenBytes)
    return refuse_it(Reason::PostureTokenInvalid);
  if (exchange.profile == nullptr) return refuse_it(Reason::PostureProviderMisconfigured);
  const auto now = context.now();
  auto& store = context.dependencies.store;
  const auto& transaction = exchange.transaction;
  // The transaction outlives its challenge, so that a late answer gets a page of its own.
  const auto challenge_end =
      transaction.expires_at - model::kSignInLifetime + model::kPostureNonceLifetime;
  if (now >= challenge_end) return refuse_it(Reason::PostureTokenExpired);
  if (!GATEHOUSE_TRY(
          from_store(store.consume_once("posture-nonce/" + transaction.nonce, challenge_end, now),
                     browser.reference)))
    return refuse_it(Reason::PostureTokenReplayed);
  auto answer =
      posture::verify_tanium_answer(*exchange.profile, result.token, transaction.nonce,
                                    exchange.journey.configuration->snapshot->issuer(), now);
  if (!answer) {
    spdlog::warn("posture_token_refused error={} integration={} reference={}",
                 posture::to_string(answer.error()), exchange.profile->integration_id,
                 browser.reference);
    return refuse_it(reason_of(answer.error()));
  }
  if (!GATEHOUSE_TRY(from_store(
          store.consume_once(posture_token_key(exchange.profile->integration_id, answer->replay_id),
                             answer->replay_until, now),
          browser.reference)))
    return refuse_it(Reason::PostureTokenReplayed);
  const auto revoked = GATEHOUSE_TRY(from_store(
      store.find_revocation(storage::RevocationKind::Device, answer->evidence.device_id, now),
      browser.reference));
  if (revoked) {
    spdlog::warn("device_revoked device={} integration={} reference={}", revoked->key,
                 exchange.profile->integration_id, browser.reference);
    return refuse_it(Reason::DeviceRevoked);
  }
  return Verdict(std::move(answer->evidence));
}

void record_result(Context& context, const Browser& browser, const Exchange& exchange,
                   std::string_view reason, const model::PostureEvidence* evidence) {
  const auto& integration = exchange.transaction.integrations.front();
  json::object details{{"integration", integration}};
  if (evidence != nullptr) {
    details["device_id"] = evidence->device_id;
    if (evidence->managed) details["managed"] = *evidence->managed;
  }
  spdlog::info("posture_result user={} integration={} reason={} reference={}",
               exchange.session.identity.user_id, integration, reason.empty() ? "none" : reason,
               browser.reference);
  audit(context, browser,
        {audit_event::kPostureResult, exchange.session.identity.email,
         exchange.journey.application->id, reason, std::move(details)});
}

// A step after which the browser has somewhere to go.
PostureReply reply_of(const Journey& journey, const Outcome& outcome) {
  if (const auto* target = std::get_if<GoTo>(&outcome.next)) return {target->refusal, target->url};
  return {std::nullopt, login_url(journey)};  // the chooser stands there
}

}  // namespace

Reason reported_reason(const PostureResult& result) {
  if (result.permission == "denied") return Reason::PermissionDenied;
  constexpr std::array kReported{Reason::AgentUnreachable, Reason::PermissionDenied,
                                 Reason::BrowserUnsupported, Reason::PostureTokenInvalid};
  const auto reported = decision::parse_reason(result.error);
  if (reported && std::find(kReported.begin(), kReported.end(), *reported) != kReported.end())
    return *reported;
  return Reason::AgentUnreachable;
}

std::string posture_token_key(std::string_view integration, std::string_view replay_id) {
  return fmt::format("posture-token/{}/{}", integration, replay_id);
}

std::string posture_page_url(const Context& context, const Browser& browser, const Journey& journey,
                             const model::Session& session) {
  auto transaction = to_transaction(journey, Step::Posture);
  transaction.session = session.nonce;
  transaction.integrations = journey.application->posture_integrations;
  std::stable_sort(transaction.integrations.begin(), transaction.integrations.end(),
                   [&](const auto& a, const auto& b) {
                     return established_at(session, a) < established_at(session, b);
                   });
  return page_url(context, browser, transaction);
}

OutcomeOrFailure begin_posture_check(Context& context, const Browser& browser,
                                     const LoginQuery& query) {
  const auto journey = GATEHOUSE_TRY(begin_journey(context, query));
  if (journey.app_session.empty())
    return Outcome{GoTo{application_url(context, journey), std::nullopt}, std::nullopt};
  const auto sessions = GATEHOUSE_TRY(live_sessions(context, browser));
  const auto* session = usable_session(sessions, *journey.application);
  if (session == nullptr) return Outcome{GoTo{login_url(journey), std::nullopt}, std::nullopt};
  const bool asks_evaluators = !journey.application->evaluators.empty();
  // Nobody is told about people whom no answer could help.
  const auto before = decide(context, browser, journey, *session);
  const bool hopeless = before.reason != Reason::EvaluationRefused &&
                        decision::info(before.reason).remedy == decision::Remedy::AskForAccess;
  std::optional<model::Session> asked = *session;
  if (!hopeless)
    asked = GATEHOUSE_TRY(ask_evaluators(context, browser, journey, std::move(*asked)));
  if (!asked) return Outcome{GoTo{login_url(journey), std::nullopt}, std::nullopt};
  const auto decision = decide(context, browser, journey, *asked);
  // They were asked and do not answer: asking again would go in circles.
  if (awaits_evaluation(decision.reason))
    return Outcome{refuse(context, browser, journey, asked->identity, decision.reason),
                   std::nullopt};
  // Who came for the evaluators' sake need not have the device checked.
  const bool device_matters =
      !asks_evaluators || decision.challenge == decision::Challenge::Posture ||
      decision::info(decision.reason).remedy == decision::Remedy::RepairDevice;
  if (journey.application->posture_integrations.empty() || !device_matters)
    return proceed(context, browser, journey, *asked);
  return Outcome{GoTo{posture_page_url(context, browser, journey, *asked), std::nullopt},
                 std::nullopt};
}

std::expected<AskDevice, Failure> show_posture_page(Context& context, const Browser& browser,
                                                    std::string_view sealed) {
  auto transaction = GATEHOUSE_TRY(open_transaction(context, browser, Step::Posture, sealed));
  const auto journey = GATEHOUSE_TRY(resume_journey(context, transaction));
  const auto profile =
      transaction.integrations.empty()
          ? journey.configuration->posture_profiles.end()
          : journey.configuration->posture_profiles.find(transaction.integrations.front());
  // The configuration has changed since: from the start with the new one.
  if (profile == journey.configuration->posture_profiles.end())
    return std::unexpected(
        Failure{FailureKind::TransactionInvalid, application_url(context, journey)});
  transaction.step = Step::Exchange;
  transaction.nonce = random_base64url(32);
  AskDevice page;
  page.application = journey.application->name;
  page.exchange = posture::exchange_instructions(profile->second, transaction.nonce,
                                                 journey.configuration->snapshot->issuer());
  page.transaction =
      seal_transaction(context, browser, std::move(transaction), model::kSignInLifetime);
  page.origins = profile->second.candidates;
  return page;
}

std::expected<PostureReply, Failure> receive_posture_result(Context& context,
                                                            const Browser& browser,
                                                            const PostureResult& result) {
  Exchange exchange;
  exchange.transaction =
      GATEHOUSE_TRY(open_transaction(context, browser, Step::Exchange, result.transaction));
  exchange.journey = GATEHOUSE_TRY(resume_journey(context, exchange.transaction));
  const auto& journey = exchange.journey;
  auto session = GATEHOUSE_TRY(from_store(
      context.sessions.load(exchange.transaction.session, context.now()), browser.reference));
  if (!session) return PostureReply{Reason::SessionExpired, application_url(context, journey)};
  exchange.session = std::move(*session);
  if (exchange.transaction.integrations.empty())
    return std::unexpected(
        Failure{FailureKind::TransactionInvalid, application_url(context, journey)});
  const auto profile =
      journey.configuration->posture_profiles.find(exchange.transaction.integrations.front());
  if (profile != journey.configuration->posture_profiles.end()) exchange.profile = &profile->second;

  const auto verdict = GATEHOUSE_TRY(verify(context, browser, exchange, result));
  auto remaining = exchange.transaction;
  remaining.step = Step::Posture;
  remaining.nonce.clear();
  remaining.integrations.erase(remaining.integrations.begin());
  if (!verdict) {
    const auto code = decision::info(verdict.error()).code;
    record_result(context, browser, exchange, code, nullptr);
    if (remaining.reason.empty()) remaining.reason = code;
  } else {
    record_result(context, browser, exchange, "", &*verdict);
    auto changed = GATEHOUSE_TRY(from_store(
        context.sessions.change(exchange.session.nonce, context.now(),
                                [&](model::Session& current) {
                                  std::erase_if(current.posture, [&](const auto& other) {
                                    return other.integration_id == verdict->integration_id;
                                  });
                                  current.posture.push_back(*verdict);
                                }),
        browser.reference));
    if (!changed) return PostureReply{Reason::SessionExpired, application_url(context, journey)};
    exchange.session = std::move(*changed);
    const auto decision = decide(context, browser, journey, exchange.session);
    const bool more_could_help = decision.effect == decision::Effect::Challenge &&
                                 decision.challenge == decision::Challenge::Posture &&
                                 !awaits_evaluation(decision.reason);
    if (!more_could_help)
      return reply_of(journey, GATEHOUSE_TRY(proceed(context, browser, journey, exchange.session)));
    if (remaining.integrations.empty() && remaining.reason.empty())
      remaining.reason = decision::info(decision.reason).code;
  }
  if (!remaining.integrations.empty())
    return PostureReply{std::nullopt, page_url(context, browser, remaining)};
  // Every device has been asked. A failed exchange leaves earlier evidence alone, and is said.
  const auto reason = decision::parse_reason(remaining.reason).value_or(Reason::PostureUnreadable);
  const auto refused = refuse(context, browser, journey, exchange.session.identity, reason);
  return PostureReply{reason, refused.url};
}

}  // namespace gatehouse::controlplane
