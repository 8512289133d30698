// A node state to measure against, without a control plane:
//   bench_state make DIR HOST SESSIONS TOKENS PUBLIC_KEY_FILE   writes it, and prints the tokens,
//   one a line bench_state churn DIR SECONDS        heartbeats, and ten writes a second to sessions
//   that nobody uses
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/encoding.h"
#include "jose/jwt.h"
#include "node_state/node_state.h"
#include "platform/clock.h"
#include "platform/random.h"
#include "policy/snapshot_document.h"

namespace {

using namespace gatehouse;

const std::string kPosture = uuid_v5("bench", "posture");
const std::string kTanium = uuid_v5("bench", "tanium");
const std::string kPin = uuid_v5("bench", "pin");

// One application behind an e-mail rule and a required device check, the usual case of the issue.
model::Resources resources(const std::string& host) {
  model::Resources result;
  result.organization.name = "Bench";
  result.organization.auth_domain = "auth.bench.example";
  model::IdentityProvider pin;
  pin.id = kPin;
  pin.name = "PIN";
  pin.type = "onetimepin";
  result.identity_providers = {pin};
  model::PostureIntegration integration;
  integration.id = kTanium;
  integration.name = "Tanium";
  integration.type = "tanium";
  result.posture_integrations = {integration};
  model::PostureRule rule;
  rule.id = kPosture;
  rule.name = "Managed";
  rule.type = "tanium";
  rule.input = {{"connection_id", kTanium}, {"managed", true}, {"max_checkin_age", "168h"}};
  rule.expiration = std::chrono::hours(24);
  result.posture_rules = {rule};
  model::Application application;
  application.id = uuid_v5("bench", "application");
  application.audience = std::string(64, 'b');
  application.name = "Bench";
  application.domains = {host};
  model::Policy policy;
  policy.id = uuid_v5("bench", "policy");
  policy.name = "team";
  policy.action = model::Action::Allow;
  policy.include = {{"email_domain", {{"domain", "bench.example"}}}};
  policy.require = {{"device_posture", {{"integration_uid", kPosture}}}};
  application.policies = {policy};
  result.applications = {application};
  return result;
}

model::Session session(const std::string& nonce, Instant now) {
  model::Session result;
  result.nonce = nonce;
  result.identity.user_id = uuid_v5("bench-user", nonce);
  result.identity.email = "person-" + nonce.substr(0, 8) + "@bench.example";
  result.identity.login_method = kPin;
  result.identity.authenticated_at = now;
  result.created_at = now;
  result.expires_at = now + std::chrono::hours(24);
  model::PostureEvidence evidence;
  evidence.integration_id = kTanium;
  evidence.device_id = "device-" + nonce.substr(0, 8);
  evidence.established_at = now;
  evidence.managed = true;
  evidence.last_checkin = now;
  result.posture = {evidence};
  return result;
}

// Prints `tokens` good tokens, spread over the sessions; each has a `jti` of its own.
int make(const std::string& directory, const std::string& host, int sessions, int tokens,
         const std::string& public_key_file) {
  auto writer = node_state::Writer::open(directory);
  if (!writer) return std::fprintf(stderr, "%s\n", writer.error().message.c_str()), 1;
  const Instant now = system_now();
  const auto key = jose::PrivateKey::generate_rsa();
  auto jwk = key.public_key().to_jwk();
  jwk["kid"] = key.public_key().thumbprint();
  jwk["alg"] = "RS256";
  jwk["use"] = "sig";
  policy::PublicationContext context;
  context.sequence = 1;
  context.published_at = now;
  context.issuer = "https://auth.bench.example";
  context.jwks = {jwk};
  const model::Resources configured = resources(host);
  bool written =
      (*writer)->put_snapshot(policy::make_snapshot_document(configured, context)).has_value();
  written = written && (*writer)->put_heartbeat(now).has_value();
  std::ofstream(public_key_file) << key.public_key().to_spki_pem();
  std::vector<model::Session> people;
  for (int i = 0; i < sessions && written; ++i) {
    people.push_back(session(random_hex(16), now));
    written = (*writer)->put_session(people.back()).has_value();
  }
  for (int i = 0; i < tokens && written; ++i) {
    const auto& one = people[static_cast<std::size_t>(i % sessions)];
    const json::object claims{{"aud", {configured.applications[0].audience}},
                              {"email", one.identity.email},
                              {"exp", to_epoch_seconds(now) + 3600 * 8},
                              {"iat", to_epoch_seconds(now)},
                              {"nbf", to_epoch_seconds(now)},
                              {"iss", context.issuer},
                              {"type", "app"},
                              {"identity_nonce", one.nonce},
                              {"jti", random_hex(16)},
                              {"sub", one.identity.user_id},
                              {"country", ""}};
    std::puts(
        jose::sign_jwt(claims, key, jose::Algorithm::RS256, key.public_key().thumbprint()).c_str());
  }
  return written ? 0 : 1;
}

int churn(const std::string& directory, int seconds) {
  auto writer = node_state::Writer::open(directory);
  if (!writer) return std::fprintf(stderr, "%s\n", writer.error().message.c_str()), 1;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
    const Instant now = system_now();
    if (!(*writer)->put_session(session(random_hex(16), now))) return 1;
    if (i % 20 == 0 && !(*writer)->put_heartbeat(now)) return 1;
    ::usleep(100'000);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "make" && argc == 7)
    return make(argv[2], argv[3], std::atoi(argv[4]), std::atoi(argv[5]), argv[6]);
  if (command == "churn" && argc == 4) return churn(argv[2], std::atoi(argv[3]));
  std::fputs(
      "usage: bench_state make DIR HOST SESSIONS TOKENS PUBLIC_KEY_FILE | churn DIR SECONDS\n",
      stderr);
  return 2;
}
