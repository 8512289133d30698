#include "controlplane/token.h"

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "controlplane/session.h"
#include "jose/jwt.h"
#include "model/limits.h"

namespace gatehouse::controlplane {
namespace {

// Another node's clock may be ahead of ours. Not granted to `exp`.
constexpr std::chrono::seconds kClockLeeway{30};

bool is_on_host(const Configuration& configuration,
                const decision::CompiledApplication& application, std::string_view host) {
  for (const auto& configured : configuration.resources->applications) {
    if (configured.id != application.id) continue;
    return std::any_of(
        configured.domains.begin(), configured.domains.end(), [&](const auto& domain) {
          const auto slash = domain.find('/');
          auto path = slash == std::string::npos ? std::string("/") : domain.substr(slash);
          path.resize(std::min(path.find('*'), path.size()));
          return configuration.snapshot->find_application(host, path) == &application;
        });
  }
  return false;
}

// Beside what its session says.
storage::Result<bool> is_revoked(Context& context, const json::object& claims,
                                 std::string_view audience, Instant issued_at) {
  using storage::RevocationKind;
  auto& store = context.dependencies.store;
  if (const auto id = json::find_string(claims, "jti")) {
    if (GATEHOUSE_TRY(store.find_revocation(RevocationKind::Token, *id, context.now())))
      return true;
  }
  const auto application =
      GATEHOUSE_TRY(store.find_revocation(RevocationKind::Application, audience, context.now()));
  return application && issued_at < application->issued_before;
}

}  // namespace

json::object token_claims(std::string_view issuer, std::string_view audience, std::string_view type,
                          Instant now, Instant expires_at) {
  return {{"aud", json::array{json::value(audience)}},
          {"exp", to_epoch_seconds(expires_at)},
          {"iat", to_epoch_seconds(now)},
          {"nbf", to_epoch_seconds(now)},
          {"iss", issuer},
          {"type", type}};
}

std::optional<json::object> verify_own_token(const Context& context,
                                             const Configuration& configuration,
                                             std::string_view type,
                                             std::optional<std::string> audience,
                                             std::string_view token) {
  const auto jws = jose::CompactJws::parse(token, model::kMaxAccessTokenBytes);
  if (!jws) return std::nullopt;
  jose::JwtExpectations expected;
  expected.issuer = configuration.snapshot->issuer();
  expected.audience = std::move(audience);
  expected.type = std::string(type);
  const auto now = context.now();
  auto verified = jose::verify_jwt(*jws, context.dependencies.vault.verification_keys(), expected,
                                   now, kClockLeeway);
  if (!verified) return std::nullopt;
  const auto expires_at = json::find_int(verified->claims, "exp");
  if (!expires_at || to_epoch_seconds(now) >= *expires_at) return std::nullopt;
  return std::move(verified->claims);
}

std::vector<std::string> session_nonces(const json::object& claims) {
  std::vector<std::string> nonces;
  if (const auto nonce = json::find_string(claims, "identity_nonce")) nonces.emplace_back(*nonce);
  if (const auto* earlier = json::find_array(claims, kEarlierSessionsClaim))
    for (const auto& nonce : *earlier)
      if (nonce.is_string() && nonces.size() < kMaxSessionsPerBrowser)
        nonces.emplace_back(nonce.get_string());
  return nonces;
}

std::expected<std::optional<VerifiedApplicationToken>, Failure> verify_application_token(
    Context& context, const Configuration& configuration, const Browser& browser,
    std::optional<std::string_view> host, std::string_view token) {
  auto claims =
      verify_own_token(context, configuration, kApplicationTokenType, std::nullopt, token);
  if (!claims) return std::nullopt;
  const auto* audiences = json::find_array(*claims, "aud");
  if (audiences == nullptr || audiences->size() != 1 || !audiences->front().is_string())
    return std::nullopt;
  const auto* application =
      configuration.snapshot->application_by_audience(audiences->front().get_string());
  if (application == nullptr || (host && !is_on_host(configuration, *application, *host)))
    return std::nullopt;
  const auto nonce = json::find_string(*claims, "identity_nonce");
  if (!nonce) return std::nullopt;
  auto session =
      GATEHOUSE_TRY(from_store(context.sessions.load(*nonce, context.now()), browser.reference));
  if (!session) return std::nullopt;
  const auto issued_at = from_epoch_seconds(json::find_int(*claims, "iat").value_or(0));
  if (GATEHOUSE_TRY(from_store(is_revoked(context, *claims, application->audience, issued_at),
                               browser.reference)))
    return std::nullopt;
  for (const auto& revocation : session->revocations)
    if (revocation.audience == application->audience && issued_at < revocation.issued_before)
      return std::nullopt;
  return VerifiedApplicationToken{application, std::move(*session), std::move(*claims)};
}

}  // namespace gatehouse::controlplane
