#include "controlplane/session.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/application_cookies.h"
#include "controlplane/audit.h"
#include "controlplane/directory.h"
#include "controlplane/token.h"
#include "crypto/digest.h"
#include "model/limits.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::string_view kCodePurpose = "one-time code";

std::expected<void, Failure> end_session(Context& context, const Browser& browser,
                                         std::string_view nonce, std::string_view email,
                                         std::string_view why) {
  GATEHOUSE_TRY_VOID(from_store(context.sessions.end(nonce), browser.reference));
  spdlog::info("session_ended why={} reference={}", why, browser.reference);
  audit(context, browser, {audit_event::kSessionEnded, email, "", "", json::object{{"why", why}}});
  return {};
}

GlobalSession global_session(const Context& context, const Journey& journey,
                             const model::Session& session,
                             const std::vector<model::Session>& earlier) {
  const auto& issuer = journey.configuration->snapshot->issuer();
  auto claims = token_claims(issuer, issuer, kGlobalTokenType, context.now(), session.expires_at);
  claims["email"] = session.identity.email;
  claims["sub"] = session.identity.user_id;
  claims["identity_nonce"] = session.nonce;
  json::array nonces;
  for (const auto& other : earlier) nonces.emplace_back(other.nonce);
  claims[kEarlierSessionsClaim] = std::move(nonces);
  return {context.dependencies.vault.sign(claims), session.expires_at};
}

}  // namespace

std::expected<std::vector<model::Session>, Failure> live_sessions(Context& context,
                                                                  const Browser& browser) {
  std::vector<model::Session> sessions;
  const auto configuration = GATEHOUSE_TRY(configuration_in_force(context));
  const auto claims = verify_own_token(context, *configuration, kGlobalTokenType,
                                       configuration->snapshot->issuer(), browser.session_token);
  if (!claims) return sessions;
  for (const auto& nonce : session_nonces(*claims)) {
    auto session =
        GATEHOUSE_TRY(from_store(context.sessions.load(nonce, context.now()), browser.reference));
    if (session) sessions.push_back(std::move(*session));
  }
  return sessions;
}

const model::Session* usable_session(const std::vector<model::Session>& sessions,
                                     const decision::CompiledApplication& application) {
  const auto& allowed = application.allowed_idps;
  for (const auto& session : sessions)
    if (allowed.empty() ||
        std::find(allowed.begin(), allowed.end(), session.identity.login_method) != allowed.end())
      return &session;
  return nullptr;
}

std::expected<SignedIn, Failure> establish_session(Context& context, const Browser& browser,
                                                   const Journey& journey,
                                                   model::Identity identity) {
  const auto now = context.now();
  // Before anything is stored, so that a failure leaves nothing behind.
  auto earlier = GATEHOUSE_TRY(live_sessions(context, browser));
  const auto user = GATEHOUSE_TRY(from_store(
      context.dependencies.store.sign_in_user(identity.email, identity.name, random_uuid(), now),
      browser.reference));
  identity.user_id = user.id;
  if (identity.name.empty()) identity.name = user.name;
  identity.authenticated_at = now;

  auto expires_at = now + journey.configuration->resources->organization.session_duration;
  // A stronger sign-in adds to what the same person has shown this provider in this browser.
  // INVARIANT: what was shown before is good no longer than the session it was shown in.
  for (const auto& other : earlier) {
    if (other.identity.user_id != user.id || other.identity.subject != identity.subject ||
        other.identity.login_method != identity.login_method)
      continue;
    for (const auto& held : other.identity.auth_contexts) {
      if (std::ranges::find(identity.auth_contexts, held) != identity.auth_contexts.end()) continue;
      identity.auth_contexts.push_back(held);
      expires_at = std::min(expires_at, other.expires_at);
    }
  }

  model::Session session;
  session.nonce = random_base64url(32);
  session.identity = std::move(identity);
  session.created_at = now;
  session.expires_at = expires_at;
  GATEHOUSE_TRY_VOID(from_store(
      context.dependencies.store.put_identity(
          user.id, write_last_seen(identity_document(context, *journey.configuration,
                                                     browser.address.to_string(), session, now),
                                   session)),
      browser.reference));
  GATEHOUSE_TRY_VOID(from_store(context.sessions.create(session), browser.reference));

  std::vector<model::Session> kept;
  for (auto& other : earlier) {
    if (other.identity.user_id == user.id && kept.size() + 1 < kMaxSessionsPerBrowser) {
      kept.push_back(std::move(other));
      continue;
    }
    GATEHOUSE_TRY_VOID(
        end_session(context, browser, other.nonce, other.identity.email, "replaced"));
  }
  spdlog::info("sign_in user={} method={} application={} reference={}", user.id,
               session.identity.login_method, journey.application->id, browser.reference);
  auto details = attempt_details(context, *journey.configuration, browser, *journey.application,
                                 session.identity.login_method);
  details["session"] = session.nonce;
  details["browser"] = browser.name;
  audit(context, browser,
        {audit_event::kSignIn, session.identity.email, journey.application->id, "",
         std::move(details)});
  auto global = global_session(context, journey, session, kept);
  return SignedIn{std::move(session), std::move(global)};
}

decision::Decision decide(const Context& context, const Browser& browser, const Journey& journey,
                          const model::Session& session) {
  const auto email = model::canonical_email(session.identity.email).value_or("");
  decision::Evidence evidence;
  evidence.client_ip = browser.address;
  evidence.country = context.country_of(browser.address);
  evidence.session = &session;
  evidence.canonical_email = email;
  if (journey.configuration->snapshot->client_certificates(journey.host) != nullptr) {
    evidence.certificate.state = decision::CertificateEvidence::State::Unknown;
    // A hard obstacle would hide what can be done here and now: the device, another login method.
    evidence.certificate.when_unknown = decision::Reason::None;
  }
  auto decision = decision::evaluate(*journey.configuration->snapshot, *journey.application,
                                     evidence, context.now());
  if (decision.effect == decision::Effect::Deny && decision.reason == decision::Reason::None)
    decision.reason = decision::Reason::CertificateRequired;
  return decision;
}

bool waits_for_certificate(const Journey& journey, const decision::Decision& decision) {
  return decision.reason == decision::Reason::CertificateRequired &&
         journey.configuration->snapshot->client_certificates(journey.host) != nullptr;
}

std::chrono::seconds token_lifetime(const Journey& journey, const decision::Decision& decision) {
  return decision.policy != nullptr && decision.policy->session_duration
             ? *decision.policy->session_duration
             : journey.application->session_duration;
}

std::expected<ApplicationToken, Failure> issue_application_token(
    Context& context, const Browser& browser, const Configuration& configuration,
    const decision::CompiledApplication& application, const model::Session& session,
    std::chrono::seconds lifetime, json::object details) {
  const auto now = context.now();
  ApplicationToken result;
  result.expires_at = std::min(now + lifetime, session.expires_at);
  auto claims = token_claims(configuration.snapshot->issuer(), application.audience,
                             kApplicationTokenType, now, result.expires_at);
  // A token made in the very second of a log-out or a revocation must not be among those that it
  // ended.
  for (const auto& revocation : session.revocations)
    if (revocation.audience == application.audience && revocation.issued_before > now)
      claims["iat"] = to_epoch_seconds(revocation.issued_before);
  const auto revoked =
      GATEHOUSE_TRY(from_store(context.dependencies.store.find_revocation(
                                   storage::RevocationKind::Application, application.audience, now),
                               browser.reference));
  if (revoked && revoked->issued_before > from_epoch_seconds(*json::find_int(claims, "iat")))
    claims["iat"] = to_epoch_seconds(revoked->issued_before);
  claims["jti"] = random_base64url(16);
  claims["email"] = session.identity.email;
  claims["sub"] = session.identity.user_id;
  claims["identity_nonce"] = session.nonce;
  claims["country"] = json::value(context.country_of(browser.address));
  if (application.enable_binding_cookie) {
    result.binding = random_hex(16);
    claims["binding"] = hex_encode(crypto::sha256(result.binding));
  }
  result.token = context.dependencies.vault.sign(claims);
  for (auto& [key, value] :
       attempt_details(context, configuration, browser, application, session.identity.login_method))
    details[key] = std::move(value);
  details["session"] = session.nonce;
  audit(context, browser,
        {audit_event::kAdmission, session.identity.email, application.id, "", std::move(details)});
  return result;
}

std::string issue_code(const Context& context, const Journey& journey,
                       const model::Session& session, std::chrono::seconds lifetime) {
  const json::object code{
      {"i", random_base64url(16)}, {"a", journey.application->audience},
      {"h", journey.host},         {"r", journey.redirect},
      {"s", journey.app_session},  {"u", session.nonce},
      {"l", lifetime.count()},     {"x", to_epoch_seconds(context.now() + model::kCodeLifetime)},
  };
  return context.dependencies.vault.seal(kCodePurpose, json::serialize(code));
}

std::string arrival_key(std::string_view session, std::string_view audience,
                        std::string_view redirect) {
  return fmt::format("{} {} {}", session, audience, redirect);
}

std::expected<ApplicationSession, Failure> redeem_code(Context& context, const Browser& browser,
                                                       std::string_view host,
                                                       std::string_view sealed,
                                                       std::string_view app_session) {
  const auto configuration = GATEHOUSE_TRY(configuration_in_force(context));
  std::string retry_url = origin_of(context, host) + "/";
  const auto fail = [&](FailureKind kind) {
    spdlog::warn("code_refused kind={} reference={}", to_string(kind), browser.reference);
    return std::unexpected(Failure{kind, retry_url});
  };
  if (sealed.size() > 2 * model::kMaxUrlBytes) return fail(FailureKind::TransactionInvalid);
  const auto plain = context.dependencies.vault.open(kCodePurpose, sealed);
  const auto document = plain ? json::parse(*plain) : json::value(nullptr);
  if (!document || !document->is_object()) return fail(FailureKind::TransactionInvalid);
  const auto& code = document->get_object();
  const auto text = [&](std::string_view key) {
    return std::string(json::find_string(code, key).value_or(""));
  };
  const auto now = context.now();
  const auto expires_at = from_epoch_seconds(json::find_int(code, "x").value_or(0));
  const auto* application = configuration->snapshot->application_by_audience(text("a"));
  if (text("h") != host || application == nullptr) return fail(FailureKind::TransactionInvalid);
  retry_url = origin_of(context, host) + text("r");
  // INVARIANT: a code works only in the browser in which the application saw the sign-in begin.
  if (app_session.empty() || now >= expires_at ||
      !constant_time_equal(base64url_encode(crypto::sha256(app_session)), text("s")))
    return fail(FailureKind::TransactionInvalid);
  if (!GATEHOUSE_TRY(
          from_store(context.dependencies.store.consume_once("code/" + text("i"), expires_at, now),
                     browser.reference)))
    return fail(FailureKind::AlreadyUsed);
  const auto session =
      GATEHOUSE_TRY(from_store(context.sessions.load(text("u"), now), browser.reference));
  if (!session) return fail(FailureKind::NotSignedIn);
  // Only counted here: log_in stops when there are too many.
  static_cast<void>(
      context.arrivals.admit(arrival_key(session->nonce, application->audience, text("r")), now));

  const std::chrono::seconds lifetime{json::find_int(code, "l").value_or(0)};
  auto issued = GATEHOUSE_TRY(
      issue_application_token(context, browser, *configuration, *application, *session, lifetime));
  ApplicationSession result;
  result.token = std::move(issued.token);
  result.expires_at = issued.expires_at;
  result.binding = std::move(issued.binding);
  result.redirect = text("r");
  result.same_site = application->same_site_cookie_attribute;
  result.http_only = application->http_only_cookie_attribute;
  result.path = "/";
  const auto place = destination_of(result.redirect);
  for (const auto& authored : configuration->resources->applications)
    if (authored.id == application->id) result.path = cookie_path(authored, host, place);
  return result;
}

std::expected<void, Failure> log_out_everywhere(Context& context, const Browser& browser) {
  const auto sessions = GATEHOUSE_TRY(live_sessions(context, browser));
  for (const auto& session : sessions)
    GATEHOUSE_TRY_VOID(
        end_session(context, browser, session.nonce, session.identity.email, "logout"));
  return {};
}

std::expected<void, Failure> log_out_of_application(Context& context, const Browser& browser,
                                                    std::string_view host, std::string_view token) {
  const auto configuration = GATEHOUSE_TRY(configuration_in_force(context));
  const auto verified =
      GATEHOUSE_TRY(verify_application_token(context, *configuration, browser, host, token));
  if (!verified) return {};
  const auto* application = verified->application;
  std::vector<std::string> audiences{application->audience};
  if (application->path_cookie_attribute)
    for (const auto* other : applications_on(*configuration->resources, host))
      if (other->id != application->id) audiences.push_back(other->audience);
  // Revocation counts whole seconds: the boundary lies after every token issued so far.
  const auto boundary = context.now() + std::chrono::seconds{1};
  GATEHOUSE_TRY(from_store(
      context.sessions.change(verified->session.nonce, context.now(),
                              [&](model::Session& session) {
                                for (const auto& audience : audiences) {
                                  std::erase_if(session.revocations, [&](const auto& other) {
                                    return other.audience == audience;
                                  });
                                  session.revocations.push_back({audience, boundary});
                                }
                              }),
      browser.reference));
  spdlog::info("session_ended why=logout application={} reference={}", application->id,
               browser.reference);
  audit(context, browser,
        {audit_event::kSessionEnded, verified->session.identity.email, application->id, "",
         json::object{{"why", "logout"}}});
  return {};
}

}  // namespace gatehouse::controlplane
