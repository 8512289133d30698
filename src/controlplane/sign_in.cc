#include "controlplane/sign_in.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/attempt.h"
#include "controlplane/audit.h"
#include "controlplane/evaluation.h"
#include "controlplane/pin.h"
#include "controlplane/posture_exchange.h"
#include "controlplane/session.h"
#include "controlplane/step_up.h"
#include "controlplane/transaction.h"
#include "decision/engine.h"
#include "model/limits.h"
#include "pages/pages.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::string_view kPinType = "onetimepin";

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

// To the provider, by a request of its own.
Outcome start_at_provider(const Context& context, const Browser& browser,
                          const Transaction& transaction) {
  return {GoTo{"/cdn-cgi/access/start?transaction=" +
                   seal_transaction(context, browser, transaction, model::kSignInLifetime),
               std::nullopt},
          std::nullopt};
}

// The PIN's page needs nobody else. A provider may keep us waiting, so it is asked by a request of
// its own, on the pool for that kind of waiting.
OutcomeOrFailure begin_method(Context& context, const Browser& browser, const Journey& journey,
                              const LoginMethod& method) {
  if (method.type == kPinType) return start_pin(context, browser, journey, method.id);
  auto transaction = to_transaction(journey, Step::Start);
  transaction.method = method.id;
  return start_at_provider(context, browser, transaction);
}

std::optional<LoginMethod> find_method(const Journey& journey, std::string_view id) {
  for (auto& method : login_methods(journey))
    if (method.id == id) return method;
  return std::nullopt;
}

FailureKind kind_of(identity::IdentityFailure failure) {
  switch (failure) {
    case identity::IdentityFailure::ProviderUnreachable:
      return FailureKind::ProviderUnreachable;
    case identity::IdentityFailure::ProviderMisbehaved:
      return FailureKind::ProviderMisbehaved;
    case identity::IdentityFailure::Refused:
      return FailureKind::ProviderRefused;
    case identity::IdentityFailure::StateMismatch:
      return FailureKind::TransactionInvalid;
    case identity::IdentityFailure::TokenRefused:
      return FailureKind::ProviderMisbehaved;
    case identity::IdentityFailure::IdentityIncomplete:
      return FailureKind::IdentityIncomplete;
  }
  return FailureKind::ProviderMisbehaved;
}

Outcome admit(const Context& context, const Journey& journey, const model::Session& session,
              const decision::Decision& decision) {
  return {
      GoTo{fmt::format("{}/cdn-cgi/access/authorized?nonce={}", origin_of(context, journey.host),
                       issue_code(context, journey, session, token_lifetime(journey, decision))),
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

// What must be said before somebody is sent to a login method (again).
Notice notice_for(const Context& context, const Browser& browser,
                  const std::vector<LoginMethod>& methods, Notice otherwise) {
  const auto attempt = open_attempt(context, browser);
  const auto now = context.now();
  if (goes_in_circles(attempt, now)) return Notice::InCircles;
  const bool away = std::ranges::any_of(
      methods, [&](const auto& method) { return never_came_back(attempt, method.id, now); });
  return away ? Notice::NeverCameBack : otherwise;
}

// Whether asking the same again, as the provider wants it, can change its answer: it wants another
// proof of who somebody is, not another device, account or administrator.
bool is_worth_repeating(const identity::IdentityError& error) {
  if (error.failure != identity::IdentityFailure::Refused) return false;
  switch (error.hint) {
    case decision::Reason::None:
    case decision::Reason::ProviderSessionEnded:
    case decision::Reason::SecondFactorRequired:
      return !error.claims.empty() || error.code == "login_required" ||
             error.code == "interaction_required";
    default:
      return false;
  }
}

// The page of a refusal that is recorded already.
std::string refusal_url(const Context& context, const Browser& browser, Transaction transaction) {
  transaction.step = Step::Refused;
  transaction.reference = browser.reference;
  return "/cdn-cgi/access/refused?transaction=" +
         seal_transaction(context, browser, std::move(transaction), model::kSignInLifetime);
}

const model::Application* authored(const Journey& journey) {
  for (const auto& application : journey.configuration->resources->applications)
    if (application.id == journey.application->id) return &application;
  return nullptr;
}

std::string arrival_of(const Journey& journey, const model::Session& session) {
  return arrival_key(session.nonce, journey.application->audience, journey.redirect);
}

// The provider said no: asked again where it wants that, once; else a page that says what to do,
// or that it failed.
OutcomeOrFailure refused_by_provider(Context& context, const Browser& browser,
                                     const Journey& journey, const Transaction& callback,
                                     const identity::IdentityError& error) {
  if (!callback.repeated && is_worth_repeating(error)) {
    auto again = callback;
    again.step = Step::Start;
    again.repeated = true;
    again.claims = error.claims;
    // A method that is never to ask has to ask now.
    if (error.claims.empty()) again.prompt = "select_account";
    spdlog::info("sign_in_repeated code={} method={} reference={}", error.code, callback.method,
                 browser.reference);
    return start_at_provider(context, browser, again);
  }
  const auto failure = sign_in_failed(context, browser, journey, kind_of(error.failure),
                                      callback.method, error.code, error.message, error.hint);
  if (error.hint == decision::Reason::None) return std::unexpected(failure);
  auto transaction = to_transaction(journey, Step::Refused);
  transaction.reason = decision::info(error.hint).code;
  transaction.support_code = error.support_code;
  return Outcome{GoTo{refusal_url(context, browser, std::move(transaction)), error.hint},
                 std::nullopt};
}

// The provider of a method that the application still permits.
std::shared_ptr<identity::IdentityProvider> provider_of(const Journey& journey,
                                                        std::string_view method) {
  if (!find_method(journey, method)) return nullptr;
  const auto& providers = journey.configuration->identity_providers;
  const auto found = providers.find(std::string(method));
  return found == providers.end() ? nullptr : found->second;
}

// The same login method once more, for the next authentication context that the application's
// policies want. Each is asked for once: a provider that does not confirm it has said no.
OutcomeOrFailure step_up(Context& context, const Browser& browser, const Journey& journey,
                         const model::Session& session, const std::vector<std::string>& asked) {
  const auto* application = authored(journey);
  if (application != nullptr && provider_of(journey, session.identity.login_method)) {
    for (auto& wanted :
         missing_auth_contexts(*journey.configuration->resources, *application, session.identity)) {
      if (std::ranges::find(asked, wanted) != asked.end()) continue;
      auto transaction = to_transaction(journey, Step::Start);
      transaction.method = session.identity.login_method;
      transaction.email = session.identity.email;
      transaction.auth_contexts = asked;
      transaction.auth_contexts.push_back(std::move(wanted));
      return start_at_provider(context, browser, transaction);
    }
  }
  return Outcome{refuse(context, browser, journey, session.identity,
                        asked.empty() ? decision::Reason::AuthContextMissing
                                      : decision::Reason::AuthContextRefused),
                 std::nullopt};
}

}  // namespace

std::string callback_url(const Configuration& configuration) {
  return configuration.snapshot->issuer() + "/cdn-cgi/access/callback";
}

model::Identity to_identity(identity::ProviderIdentity vouched, std::string method) {
  model::Identity identity;
  identity.email = std::move(vouched.email);
  identity.name = std::move(vouched.name);
  identity.login_method = std::move(method);
  identity.subject = std::move(vouched.subject);
  identity.groups = std::move(vouched.groups);
  identity.groups_known = vouched.groups_known;
  identity.amr = std::move(vouched.amr);
  identity.auth_contexts = std::move(vouched.auth_contexts);
  identity.claims = std::move(vouched.claims);
  identity.organizations = std::move(vouched.organizations);
  identity.organizations_known = vouched.organizations_known;
  return identity;
}

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
    if (context.arrivals.is_exhausted(arrival_of(journey, *session), context.now()))
      return Outcome{
          refuse(context, browser, journey, session->identity, decision::Reason::SignInLoop),
          std::nullopt};
    const auto reason = decide(context, browser, journey, *session).reason;
    if (decision::info(reason).remedy == decision::Remedy::RepairDevice &&
        !journey.application->posture_integrations.empty())
      return Outcome{GoTo{posture_page_url(context, browser, journey, *session), std::nullopt},
                     std::nullopt};
    return proceed(context, browser, journey, *session);
  }
  const auto methods = login_methods(journey);
  const auto notice = notice_for(context, browser, methods,
                                 sessions.empty() ? Notice::None : Notice::OtherMethodNeeded);
  // The only method is taken at once, unless the person has to be told something first.
  const bool at_once = notice == Notice::None || (notice == Notice::OtherMethodNeeded &&
                                                  journey.application->auto_redirect_to_identity);
  if (methods.size() == 1 && at_once)
    return begin_method(context, browser, journey, methods.front());
  return show_chooser(context, browser, journey, notice);
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
  const auto provider = provider_of(journey, begun.method);
  if (!provider)
    return std::unexpected(
        Failure{FailureKind::MethodUnavailable, application_url(context, journey)});
  auto transaction = begun;
  transaction.step = Step::Callback;
  transaction.nonce = random_base64url(32);
  transaction.verifier = random_base64url(32);
  const auto state = seal_transaction(context, browser, transaction, model::kSignInLifetime);
  identity::SignInWish wish;
  if (!begun.auth_contexts.empty()) wish.auth_contexts = {begun.auth_contexts.back()};
  wish.login_hint = begun.email;
  wish.claims = begun.claims;
  wish.prompt = begun.prompt;
  auto url =
      provider->authorization_url({transaction.nonce, transaction.verifier},
                                  callback_url(*journey.configuration), state, wish, context.now());
  if (!url)
    return std::unexpected(sign_in_failed(context, browser, journey, kind_of(url.error().failure),
                                          begun.method, url.error().code, url.error().message));
  Outcome outcome{GoTo{std::move(*url), std::nullopt}, std::nullopt};
  outcome.attempt = seal_attempt(
      context, browser, after_start(open_attempt(context, browser), begun.method, context.now()));
  return outcome;
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
  const auto provider = provider_of(journey, transaction.method);
  if (!provider)
    return failed(FailureKind::MethodUnavailable, "method_unavailable",
                  "the login method was removed meanwhile");
  auto vouched = provider->redeem({transaction.nonce, transaction.verifier},
                                  callback_url(*journey.configuration), query, now);
  if (!vouched) return refused_by_provider(context, browser, journey, transaction, vouched.error());
  if (!vouched->identity.groups_problem.empty())
    spdlog::warn("groups_unknown method={} reference={} message=\"{}\"", transaction.method,
                 browser.reference, vouched->identity.groups_problem);

  return complete_sign_in(context, browser, journey,
                          to_identity(std::move(vouched->identity), transaction.method),
                          transaction.auth_contexts);
}

OutcomeOrFailure complete_sign_in(Context& context, const Browser& browser, const Journey& journey,
                                  model::Identity identity, const std::vector<std::string>& asked) {
  auto signed_in = GATEHOUSE_TRY(establish_session(context, browser, journey, std::move(identity)));
  auto outcome = proceed(context, browser, journey, signed_in.session, asked);
  if (outcome) outcome->session = std::move(signed_in.global);
  return outcome;
}

OutcomeOrFailure proceed(Context& context, const Browser& browser, const Journey& journey,
                         const model::Session& session, const std::vector<std::string>& asked) {
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
      if (decision.reason == decision::Reason::AuthContextMissing)
        return step_up(context, browser, journey, session, asked);
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
  return {refusal_url(context, browser, std::move(transaction)), reason};
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
  refusal.support_code = transaction.support_code;
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
                       std::string_view message, decision::Reason hint) {
  spdlog::warn(
      "sign_in_failed kind={} code={} method={} application={} reference={} message=\"{}\"",
      to_string(kind), code, method, journey.application->id, browser.reference, message);
  auto details =
      attempt_details(context, *journey.configuration, browser, *journey.application, method);
  details["kind"] = to_string(kind);
  details["message"] = message;
  if (hint != decision::Reason::None) details["reason"] = decision::info(hint).code;
  audit(context, browser,
        {audit_event::kSignInFailed, "", journey.application->id, code, std::move(details)});
  return {kind, application_url(context, journey)};
}

}  // namespace gatehouse::controlplane
