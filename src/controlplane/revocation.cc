#include "controlplane/revocation.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/audit.h"
#include "controlplane/token.h"

namespace gatehouse::controlplane {
namespace {

using storage::RevocationKind;

constexpr std::size_t kMaxDeviceIdBytes = 1024;
constexpr std::size_t kTokenIdBytes = 16;  // of a `jti`, before base64url
// An entry outlives what it ends: another node's clock may be behind ours.
constexpr std::chrono::minutes kKeptBeyondEnd{5};

template <typename T>
std::expected<T, RevocationError> checked(storage::Result<T> result) {
  if (!result) {
    spdlog::error("revocation_failed message=\"{}\"", result.error().message);
    return std::unexpected(RevocationError::StoreUnavailable);
  }
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return std::move(*result);
}

RevocationOutcome finish(Context& context, const Actor& actor, std::string_view what,
                         std::string_view event, std::string_view application, json::object details,
                         RevocationOutcome outcome) {
  outcome.enforced = !context.sessions.is_behind();
  details["what"] = what;
  details["sessions"] = outcome.sessions;
  if (!outcome.enforced) details["enforced"] = false;
  spdlog::info("{} what={} sessions={} enforced={}", event, what, outcome.sessions,
               outcome.enforced);
  audit(context, actor, {event, "", application, "", std::move(details)});
  return outcome;
}

std::expected<std::shared_ptr<const Configuration>, RevocationError> in_force(
    const Context& context) {
  auto configuration = context.configuration();
  if (!configuration) return std::unexpected(RevocationError::NotReady);
  return configuration;
}

std::expected<storage::User, RevocationError> find_user(Context& context, std::string_view user) {
  const auto address = model::canonical_email(user);
  auto found = GATEHOUSE_TRY(
      checked(context.dependencies.store.find_user(address ? *address : std::string(user))));
  if (!found) return std::unexpected(RevocationError::NoSuchUser);
  return std::move(*found);
}

// When no token of now is left: none outlives its session.
std::expected<Instant, RevocationError> end_of_all_tokens(Context& context) {
  const auto now = context.now();
  const auto last = GATEHOUSE_TRY(checked(context.dependencies.store.last_session_end(now)));
  return last.value_or(now) + kKeptBeyondEnd;
}

std::expected<const model::Application*, RevocationError> find_application(
    const Configuration& configuration, std::string_view key) {
  const auto& applications = configuration.resources->applications;
  for (const auto& application : applications)
    if (application.id == key || application.audience == key) return &application;
  const model::Application* found = nullptr;
  for (const auto& application : applications) {
    const bool named =
        application.name == key ||
        std::ranges::find(application.domains, ascii_lower(key)) != application.domains.end();
    if (!named) continue;
    if (found != nullptr) return std::unexpected(RevocationError::SeveralApplications);
    found = &application;
  }
  if (found == nullptr) return std::unexpected(RevocationError::NoSuchApplication);
  return found;
}

Actor named(std::string_view actor) { return {std::string(actor), {}, {}}; }

bool is_token_id(std::string_view text) {
  const auto bytes = base64url_decode(text);
  return bytes && bytes->size() == kTokenIdBytes;
}

// Base64 can spell the same bytes in several ways: white space, padding, the other alphabet, a last
// character with unused bits. Header and claims are signed as they are spelled, so only one
// spelling of them is ours; of the signature this makes the one that the decoder takes.
std::string plain_spelling(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string plain;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '=') continue;
    plain.push_back(c == '+' ? '-' : c == '/' ? '_' : c);
  }
  const std::size_t tail = (plain.size() - (plain.rfind('.') + 1)) % 4;
  if (tail == 2 || tail == 3) {
    const auto value = kAlphabet.find(plain.back());
    const std::size_t unused = tail == 2 ? 0xf : 0x3;
    if (value != std::string_view::npos) plain.back() = kAlphabet[value & ~unused];
  }
  return plain;
}

}  // namespace

std::string_view to_string(RevocationError error) {
  switch (error) {
    case RevocationError::NotReady:
      return "nothing has been configured yet";
    case RevocationError::StoreUnavailable:
      return "the store cannot be used; the gateway's log says why";
    case RevocationError::NoSuchSession:
      return "there is no live session with this nonce";
    case RevocationError::NoSuchUser:
      return "nobody with this address or id has signed in";
    case RevocationError::NoSuchApplication:
      return "there is no application with this id, aud, name or domain";
    case RevocationError::SeveralApplications:
      return "several applications have this name or domain: give the id or aud";
    case RevocationError::BadDeviceId:
      return "a device id is 1 to 1024 bytes of UTF-8";
    case RevocationError::DeviceNotRevoked:
      return "this device is not revoked";
    case RevocationError::BadToken:
      return "this is neither an application token of this gateway that has not expired nor the "
             "`jti` of one";
    case RevocationError::GlobalToken:
      return "this is the token of a session on the auth domain: revoke its `identity_nonce` as a "
             "session";
    case RevocationError::ServiceAssertion:
      return "this token was made for a service token: disable that instead";
    case RevocationError::TokenWithoutId:
      return "this token has no `jti`: revoke its session or its application";
  }
  return "it cannot be revoked";
}

RevocationResult revoke_session(Context& context, std::string_view nonce, const Actor& actor) {
  const auto session = GATEHOUSE_TRY(checked(context.sessions.load(nonce, context.now())));
  if (!session) return std::unexpected(RevocationError::NoSuchSession);
  GATEHOUSE_TRY_VOID(checked(context.sessions.end(nonce)));
  const auto& email = session->identity.email;
  return finish(context, actor, "session", audit_event::kRevocation, "",
                {{"email", email}, {"nonce", nonce}}, {email, 1});
}

RevocationResult revoke_user(Context& context, std::string_view key, const Actor& actor) {
  const auto user = GATEHOUSE_TRY(find_user(context, key));
  const auto sessions =
      GATEHOUSE_TRY(checked(context.dependencies.store.live_sessions_of(user.id, context.now())));
  for (const auto& session : sessions)
    GATEHOUSE_TRY_VOID(checked(context.sessions.end(session.nonce)));
  return finish(context, actor, "user", audit_event::kRevocation, "",
                {{"email", user.email}, {"user_id", user.id}}, {user.email, sessions.size()});
}

RevocationResult revoke_device(Context& context, std::string_view device_id, const Actor& actor) {
  if (device_id.empty() || device_id.size() > kMaxDeviceIdBytes || !is_valid_utf8(device_id))
    return std::unexpected(RevocationError::BadDeviceId);
  const auto now = context.now();
  // First: what is verified from here on does not get into a session.
  GATEHOUSE_TRY_VOID(checked(context.sessions.revoke(
      {RevocationKind::Device, std::string(device_id), now, std::nullopt}, now)));
  const auto sessions = GATEHOUSE_TRY(checked(context.dependencies.store.live_sessions(now)));
  RevocationOutcome outcome{std::string(device_id)};
  for (const auto& session : sessions) {
    if (std::ranges::find(session.posture, device_id, &model::PostureEvidence::device_id) ==
        session.posture.end())
      continue;
    GATEHOUSE_TRY_VOID(checked(context.sessions.end(session.nonce)));
    ++outcome.sessions;
  }
  return finish(context, actor, "device", audit_event::kRevocation, "", {{"device_id", device_id}},
                std::move(outcome));
}

RevocationResult restore_device(Context& context, std::string_view device_id, const Actor& actor) {
  if (!GATEHOUSE_TRY(
          checked(context.sessions.restore(RevocationKind::Device, device_id, context.now()))))
    return std::unexpected(RevocationError::DeviceNotRevoked);
  return finish(context, actor, "device", audit_event::kRevocationLifted, "",
                {{"device_id", device_id}}, {std::string(device_id)});
}

RevocationResult revoke_application(Context& context, std::string_view key, const Actor& actor) {
  const auto configuration = GATEHOUSE_TRY(in_force(context));
  const auto* application = GATEHOUSE_TRY(find_application(*configuration, key));
  const auto now = context.now();
  // Revocation counts whole seconds: the boundary lies after every token issued so far.
  const storage::Revocation revocation{RevocationKind::Application, application->audience,
                                       now + std::chrono::seconds{1},
                                       GATEHOUSE_TRY(end_of_all_tokens(context))};
  GATEHOUSE_TRY_VOID(checked(context.sessions.revoke(revocation, now)));
  return finish(context, actor, "application", audit_event::kRevocation, application->id,
                {{"application", application->name}}, {application->name});
}

RevocationResult revoke_token(Context& context, std::string_view token, const Actor& actor) {
  const auto configuration = GATEHOUSE_TRY(in_force(context));
  const std::string text = plain_spelling(token);
  const auto now = context.now();
  json::object details;
  storage::Revocation revocation{RevocationKind::Token, "", now, std::nullopt};
  std::string application;
  if (text.find('.') == std::string::npos) {
    if (!is_token_id(trim(token))) return std::unexpected(RevocationError::BadToken);
    revocation.key = trim(token);
    revocation.expires_at = GATEHOUSE_TRY(end_of_all_tokens(context));
  } else {
    const auto claims =
        verify_own_token(context, *configuration, kApplicationTokenType, std::nullopt, text);
    if (!claims) {
      const bool global = verify_own_token(context, *configuration, kGlobalTokenType,
                                           configuration->snapshot->issuer(), text)
                              .has_value();
      return std::unexpected(global ? RevocationError::GlobalToken : RevocationError::BadToken);
    }
    if (!json::find_string(*claims, "identity_nonce"))
      return std::unexpected(RevocationError::ServiceAssertion);
    revocation.key = json::find_string(*claims, "jti").value_or("");
    if (revocation.key.empty()) return std::unexpected(RevocationError::TokenWithoutId);
    revocation.expires_at =
        from_epoch_seconds(json::find_int(*claims, "exp").value_or(0)) + kKeptBeyondEnd;
    details["email"] = json::find_string(*claims, "email").value_or("");
    const auto* audience = json::find_array(*claims, "aud");
    if (audience != nullptr && !audience->empty() && audience->front().is_string()) {
      const auto* known =
          configuration->snapshot->application_by_audience(audience->front().get_string());
      if (known != nullptr) application = known->id;
    }
  }
  GATEHOUSE_TRY_VOID(checked(context.sessions.revoke(revocation, now)));
  details["jti"] = revocation.key;
  return finish(context, actor, "token", audit_event::kRevocation, application, std::move(details),
                {revocation.key});
}

RevocationResult revoke_session(Context& context, std::string_view nonce, std::string_view actor) {
  return revoke_session(context, nonce, named(actor));
}
RevocationResult revoke_user(Context& context, std::string_view user, std::string_view actor) {
  return revoke_user(context, user, named(actor));
}
RevocationResult revoke_device(Context& context, std::string_view device_id,
                               std::string_view actor) {
  return revoke_device(context, device_id, named(actor));
}
RevocationResult restore_device(Context& context, std::string_view device_id,
                                std::string_view actor) {
  return restore_device(context, device_id, named(actor));
}
RevocationResult revoke_application(Context& context, std::string_view application,
                                    std::string_view actor) {
  return revoke_application(context, application, named(actor));
}
RevocationResult revoke_token(Context& context, std::string_view token, std::string_view actor) {
  return revoke_token(context, token, named(actor));
}

std::expected<std::vector<model::Session>, RevocationError> sessions_of(Context& context,
                                                                        std::string_view user) {
  auto& store = context.dependencies.store;
  const auto now = context.now();
  std::vector<model::Session> sessions;
  if (user.empty()) {
    sessions = GATEHOUSE_TRY(checked(store.live_sessions(now)));
  } else {
    const auto known = GATEHOUSE_TRY(find_user(context, user));
    sessions = GATEHOUSE_TRY(checked(store.live_sessions_of(known.id, now)));
  }
  std::ranges::sort(sessions, [](const auto& a, const auto& b) {
    return std::tie(b.created_at, a.identity.email, a.nonce) <
           std::tie(a.created_at, b.identity.email, b.nonce);
  });
  return sessions;
}

std::expected<std::vector<std::string>, RevocationError> revoked_devices(Context& context) {
  std::vector<std::string> devices;
  auto revocations = GATEHOUSE_TRY(checked(context.dependencies.store.revocations(context.now())));
  for (auto& revocation : revocations)
    if (revocation.kind == RevocationKind::Device) devices.push_back(std::move(revocation.key));
  return devices;
}

}  // namespace gatehouse::controlplane
