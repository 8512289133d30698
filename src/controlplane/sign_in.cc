#include "controlplane/sign_in.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/audit.h"
#include "controlplane/evaluation.h"
#include "controlplane/pin.h"
#include "controlplane/posture_exchange.h"
#include "controlplane/session.h"
#include "controlplane/transaction.h"
#include "decision/engine.h"
#include "model/limits.h"
#include "pages/pages.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::string_view kPinType = "onetimepin";

std::string callback_url(const Journey& journey) {
  return journey.configuration->snapshot->issuer() + "/cdn-cgi/access/callback";
}

OutcomeOrFailure show_chooser(const Context& context, const Browser& browser,
                              const Journey& journey, Notice notice) {
  auto methods = login_methods(journey);
  if (methods.empty())
    return std::unexpected(
        Failure{FailureKind::MethodUnavailable, application_url(context, journey)});
  auto transaction = seal_transaction(context, browser, to_transaction(journey, Step::Choose),
                                      model::kSignInLifetime);
  return Outcome{ChooseMethod{journey.application->name, journey.host, std::move(transaction),
                              std::move(methods), notice},
                 std::nullopt};
}

// The PIN's page needs nobody else. A provider may keep us waiting, so it is asked by a request of
// its own, on the pool for that kind of waiting.
OutcomeOrFailure begin_method(Context& context, const Browser& browser, const Journey& journey,
                              const LoginMethod& method) {
  if (method.type == kPinType) return start_pin(context, browser, journey, method.id);
  auto transaction = to_transaction(journey, Step::Start);
  transaction.method = method.id;
  return Outcome{GoTo{"/cdn-cgi/access/start?transaction=" +
                          seal_transaction(context, browser, transaction, model::kSignInLifetime),
                      std::nullopt},
                 std::nullopt};
}

std::optional<LoginMethod> find_method(const Journey& journey, std::string_view id) {
  for (auto& method : login_methods(journey))
    if (method.id == id) return method;
  return std::nullopt;
}

FailureKind kind_of(identity::OidcFailure failure) {
  switch (failure) {
    case identity::OidcFailure::ProviderUnreachable:
      return FailureKind::ProviderUnreachable;
    case identity::OidcFailure::ProviderMisbehaved:
      return FailureKind::ProviderMisbehaved;
    case identity::OidcFailure::Refused:
      return FailureKind::ProviderRefused;
    case identity::OidcFailure::StateMismatch:
      return FailureKind::TransactionInvalid;
    case identity::OidcFailure::TokenRefused:
      return FailureKind::ProviderMisbehaved;
    case identity::OidcFailure::IdentityIncomplete:
      return FailureKind::IdentityIncomplete;
  }
  return FailureKind::ProviderMisbehaved;
}

Outcome admit(const Context& context, const Journey& journey, const model::Session& session,
              const decision::Decision& decision) {
  auto lifetime = journey.application->session_duration;
  if (decision.policy != nullptr && decision.policy->session_duration)
    lifetime = *decision.policy->session_duration;
  return {
      GoTo{fmt::format("{}/cdn-cgi/access/authorized?nonce={}", origin_of(context, journey.host),
                       issue_code(context, journey, session, lifetime)),
           std::nullopt},
      std::nullopt};
}

// Where the administrator sends those who are refused; empty: to our page.
const std::string& deny_url(const decision::CompiledApplication& application,
                            decision::Reason reason) {
  static const std::string kOurs;
  switch (pages::refusal_kind(reason)) {
    case pages::RefusalKind::Identity:
      return application.custom_deny_url;
    case pages::RefusalKind::NonIdentity:
      return application.custom_non_identity_deny_url;
    case pages::RefusalKind::Other:
      break;
  }
  return kOurs;
}

// The relying party of a method that the application still permits.
std::shared_ptr<identity::OidcRelyingParty> relying_party(const Journey& journey,
                                                          std::string_view method) {
  if (!find_method(journey, method)) return nullptr;
  const auto& parties = journey.configuration->relying_parties;
  const auto found = parties.find(std::string(method));
  return found == parties.end() ? nullptr : found->second;
}

}  // namespace

std::vector<LoginMethod> login_methods(const Journey& journey) {
  const auto& allowed = journey.application->allowed_idps;
  std::vector<LoginMethod> methods;
  for (const auto& provider : journey.configuration->resources->identity_providers)
    if (model::can_sign_in(provider) &&
        (allowed.empty() ||
         std::find(allowed.begin(), allowed.end(), provider.id) != allowed.end()))
      methods.push_back({provider.id, provider.name, provider.type});
  return methods;
}

OutcomeOrFailure log_in(Context& context, const Browser& browser, const LoginQuery& query) {
  const auto journey = GATEHOUSE_TRY(begin_journey(context, query));
  // Only the application's own host can bind a sign-in to its browser: let it begin.
  if (journey.app_session.empty())
    return Outcome{GoTo{application_url(context, journey), std::nullopt}, std::nullopt};

  const auto sessions = GATEHOUSE_TRY(live_sessions(context, browser));
  if (const auto* session = usable_session(sessions, *journey.application)) {
    // A device that was found wanting may have been repaired since: it is asked again. The exchange
    // ends here or with an allowance, so this does not go in circles.
    const auto reason = decide(context, browser, journey, *session).reason;
    if (decision::info(reason).remedy == decision::Remedy::RepairDevice &&
        !journey.application->posture_integrations.empty())
      return Outcome{GoTo{posture_page_url(context, browser, journey, *session), std::nullopt},
                     std::nullopt};
    return proceed(context, browser, journey, *session);
  }
  // Nothing goes in circles: who comes back from the only method can use its session.
  const auto methods = login_methods(journey);
  if (methods.size() == 1) return begin_method(context, browser, journey, methods.front());
  return show_chooser(context, browser, journey,
                      sessions.empty() ? Notice::None : Notice::OtherMethodNeeded);
}

OutcomeOrFailure choose_method(Context& context, const Browser& browser, std::string_view sealed,
                               std::string_view method) {
  const auto transaction = GATEHOUSE_TRY(open_transaction(context, browser, Step::Choose, sealed));
  const auto journey = GATEHOUSE_TRY(resume_journey(context, transaction));
  const auto chosen = find_method(journey, method);
  if (!chosen)
    return std::unexpected(
        Failure{FailureKind::MethodUnavailable, application_url(context, journey)});
  return begin_method(context, browser, journey, *chosen);
}

OutcomeOrFailure start_method(Context& context, const Browser& browser, std::string_view sealed) {
  const auto begun = GATEHOUSE_TRY(open_transaction(context, browser, Step::Start, sealed));
  const auto journey = GATEHOUSE_TRY(resume_journey(context, begun));
  const auto party = relying_party(journey, begun.method);
  if (!party)
    return std::unexpected(
        Failure{FailureKind::MethodUnavailable, application_url(context, journey)});
  auto transaction = to_transaction(journey, Step::Callback);
  transaction.method = begun.method;
  transaction.nonce = random_base64url(32);
  transaction.verifier = random_base64url(32);
  const auto state = seal_transaction(context, browser, transaction, model::kSignInLifetime);
  auto url = party->authorization_url({transaction.nonce, transaction.verifier},
                                      callback_url(journey), state, context.now());
  if (!url)
    return std::unexpected(sign_in_failed(context, browser, journey, kind_of(url.error().failure),
                                          begun.method, url.error().code, url.error().message));
  return Outcome{GoTo{std::move(*url), std::nullopt}, std::nullopt};
}

OutcomeOrFailure return_from_provider(Context& context, const Browser& browser,
                                      std::string_view state, std::string_view query) {
  const auto transaction = GATEHOUSE_TRY(open_transaction(context, browser, Step::Callback, state));
  const auto journey = GATEHOUSE_TRY(resume_journey(context, transaction));
  const auto failed = [&](FailureKind kind, std::string_view code, std::string_view message) {
    return std::unexpected(
        sign_in_failed(context, browser, journey, kind, transaction.method, code, message));
  };
  const auto now = context.now();
  if (!GATEHOUSE_TRY(from_store(context.dependencies.store.consume_once(
                                    "state/" + transaction.id, transaction.expires_at, now),
                                browser.reference)))
    return failed(FailureKind::AlreadyUsed, "state_used", "the callback was opened twice");
  const auto party = relying_party(journey, transaction.method);
  if (!party)
    return failed(FailureKind::MethodUnavailable, "method_unavailable",
                  "the login method was removed meanwhile");
  auto vouched =
      party->redeem({transaction.nonce, transaction.verifier}, callback_url(journey), query, now);
  if (!vouched)
    return failed(kind_of(vouched.error().failure), vouched.error().code, vouched.error().message);

  model::Identity identity;
  identity.email = std::move(vouched->email);
  identity.name = std::move(vouched->name);
  identity.login_method = transaction.method;
  identity.subject = std::move(vouched->subject);
  identity.groups = std::move(vouched->groups);
  identity.groups_known = vouched->groups_known;
  identity.amr = std::move(vouched->amr);
  identity.auth_contexts = std::move(vouched->auth_contexts);
  identity.claims = std::move(vouched->claims);
  return complete_sign_in(context, browser, journey, std::move(identity));
}

OutcomeOrFailure complete_sign_in(Context& context, const Browser& browser, const Journey& journey,
                                  model::Identity identity) {
  auto signed_in = GATEHOUSE_TRY(establish_session(context, browser, journey, std::move(identity)));
  auto outcome = proceed(context, browser, journey, signed_in.session);
  if (outcome) outcome->session = std::move(signed_in.global);
  return outcome;
}

OutcomeOrFailure proceed(Context& context, const Browser& browser, const Journey& journey,
                         const model::Session& session) {
  const auto decision = decide(context, browser, journey, session);
  switch (decision.effect) {
    case decision::Effect::Allow:
    case decision::Effect::Bypass:
      return admit(context, journey, session, decision);
    case decision::Effect::Challenge:
      if (awaits_evaluation(decision.reason))
        return Outcome{GoTo{posture_start_url(journey), std::nullopt}, std::nullopt};
      if (decision.challenge == decision::Challenge::Purpose)
        return Outcome{GoTo{purpose_start_url(journey), std::nullopt}, std::nullopt};
      if (decision.challenge == decision::Challenge::Posture)
        return Outcome{GoTo{posture_page_url(context, browser, journey, session), std::nullopt},
                       std::nullopt};
      // Signed in and still asked to sign in: the person chooses, so that nothing goes in circles.
      return show_chooser(context, browser, journey,
                          decision.reason == decision::Reason::LoginMethodNotAllowed
                              ? Notice::OtherMethodNeeded
                              : Notice::SignInAgain);
    case decision::Effect::Deny:
      // Which certificate the browser shows is seen on the application's host alone.
      if (waits_for_certificate(journey, decision))
        return admit(context, journey, session, decision);
      break;
  }
  return Outcome{refuse(context, browser, journey, session.identity, decision.reason),
                 std::nullopt};
}

GoTo refuse(Context& context, const Browser& browser, const Journey& journey,
            const model::Identity& identity, decision::Reason reason) {
  const auto code = decision::info(reason).code;
  spdlog::info("refusal reason={} application={} reference={}", code, journey.application->id,
               browser.reference);
  audit(context, browser,
        {audit_event::kRefusal, identity.email, journey.application->id, code,
         attempt_details(context, *journey.configuration, browser, *journey.application,
                         identity.login_method)});
  if (const auto& url = deny_url(*journey.application, reason); !url.empty()) return {url, reason};
  auto transaction = to_transaction(journey, Step::Refused);
  transaction.email = identity.email;
  transaction.reason = code;
  transaction.reference = browser.reference;
  return {"/cdn-cgi/access/refused?transaction=" +
              seal_transaction(context, browser, transaction, model::kSignInLifetime),
          reason};
}

std::expected<ShownRefusal, Failure> show_refusal(Context& context, const Browser& browser,
                                                  std::string_view sealed) {
  const auto transaction = GATEHOUSE_TRY(open_transaction(context, browser, Step::Refused, sealed));
  const auto journey = GATEHOUSE_TRY(resume_journey(context, transaction));
  ShownRefusal refusal;
  refusal.reason =
      decision::parse_reason(transaction.reason).value_or(decision::Reason::InternalError);
  refusal.application = journey.application->name;
  refusal.email = transaction.email;
  refusal.reference = transaction.reference;
  switch (pages::refusal_kind(refusal.reason)) {
    case pages::RefusalKind::Identity:
      refusal.message = journey.application->custom_deny_message;
      refusal.page = journey.application->identity_denied_page;
      break;
    case pages::RefusalKind::NonIdentity:
      refusal.message = journey.application->custom_deny_message;
      refusal.page = journey.application->forbidden_page;
      break;
    case pages::RefusalKind::Other:
      break;
  }
  if (refusal.reason == decision::Reason::EvaluationRefused) {
    refusal.retry_url = posture_start_url(journey);  // asks the evaluators again
    return refusal;
  }
  switch (decision::info(refusal.reason).remedy) {
    case decision::Remedy::CheckDevice:
    case decision::Remedy::RepairDevice:
    case decision::Remedy::ChangeBrowser:
      refusal.retry_url = posture_start_url(journey);  // asks the device again
      break;
    default:
      refusal.retry_url = application_url(context, journey);
  }
  return refusal;
}

Failure sign_in_failed(Context& context, const Browser& browser, const Journey& journey,
                       FailureKind kind, std::string_view method, std::string_view code,
                       std::string_view message) {
  spdlog::warn(
      "sign_in_failed kind={} code={} method={} application={} reference={} message=\"{}\"",
      to_string(kind), code, method, journey.application->id, browser.reference, message);
  auto details =
      attempt_details(context, *journey.configuration, browser, *journey.application, method);
  details["kind"] = to_string(kind);
  audit(context, browser,
        {audit_event::kSignInFailed, "", journey.application->id, code, std::move(details)});
  return {kind, application_url(context, journey)};
}

}  // namespace gatehouse::controlplane
