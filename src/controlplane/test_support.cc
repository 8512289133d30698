#include "controlplane/test_support.h"

#include <cstdlib>
#include <optional>
#include <stdexcept>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "jose/jwt.h"
#include "net/http.h"
#include "platform/file.h"
#include "policy/authored.h"
#include "selectors/registry.h"

namespace gatehouse::controlplane::test {
namespace {

const jose::PrivateKey& provider_key() {
  static const jose::PrivateKey key = jose::PrivateKey::generate_rsa();
  return key;
}

std::string parameter(std::string_view url, std::string_view name) {
  const auto parameters = net::parse_form(url.substr(url.find('?') + 1)).value();
  for (const auto& [key, value] : parameters)
    if (key == name) return value;
  return "";
}

// Making signing keys takes most of a second: all gateways but the first start from the same ones.
struct MadeKeys {
  std::string master_key;
  std::vector<storage::StoredSigningKey> signing_keys;  // newest first
};
std::optional<MadeKeys>& made_keys() {
  static std::optional<MadeKeys> keys;
  return keys;
}

template <typename T>
T checked(auto result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "gatehouse-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string FakeProvider::authorize(std::string_view authorization_url) {
  nonce_ = parameter(authorization_url, "nonce");
  return "code=the-code&state=" + percent_encode(parameter(authorization_url, "state"));
}

std::string FakeProvider::logout_token(const json::object& changes) const {
  static int counter = 0;
  json::object claims{{"iss", kProvider},
                      {"aud", "gatehouse"},
                      {"sub", "corp-1"},
                      {"iat", to_epoch_seconds(now)},
                      {"jti", "logout-" + std::to_string(++counter)},
                      {"events", json::object{{"http://schemas.openid.net/event/backchannel-logout",
                                               json::object{}}}}};
  for (const auto& [key, value] : changes) {
    if (value.is_null())
      claims.erase(key);
    else
      claims[key] = value;
  }
  return jose::sign_jwt(claims, provider_key(), jose::Algorithm::RS256, "1", "logout+jwt");
}

std::expected<net::HttpResponse, net::OutboundError> FakeProvider::send(
    const net::OutboundRequest& request) const {
  const std::string issuer(kProvider);
  const auto answer = [](const json::object& document) {
    return net::HttpResponse{
        200, {{"Content-Type", "application/json"}}, json::serialize(document)};
  };
  if (!reachable)
    return std::unexpected(
        net::OutboundError{net::OutboundFailure::Unreachable, "cannot reach idp.example.com"});
  if (request.url == issuer + "/.well-known/openid-configuration")
    return answer({{"issuer", issuer},
                   {"authorization_endpoint", issuer + "/auth"},
                   {"token_endpoint", issuer + "/token"},
                   {"jwks_uri", issuer + "/jwks"},
                   {"end_session_endpoint", issuer + "/end"},
                   {"response_types_supported", json::array{"code"}},
                   {"subject_types_supported", json::array{"public"}},
                   {"id_token_signing_alg_values_supported", json::array{"RS256"}}});
  if (request.url == issuer + "/jwks") {
    auto jwk = provider_key().public_key().to_jwk();
    jwk["kid"] = "1";
    jwk["use"] = "sig";
    jwk["alg"] = "RS256";
    return answer({{"keys", json::array{jwk}}});
  }
  if (request.url != issuer + "/token") return net::HttpResponse{404, {}, ""};
  if (token_error) return net::HttpResponse{400, {}, json::serialize(*token_error)};
  json::object claims{{"iss", issuer},
                      {"aud", refuses_token ? "somebody-else" : "gatehouse"},
                      {"sub", "corp-1"},
                      {"nonce", nonce_},
                      {"iat", to_epoch_seconds(now)},
                      {"exp", to_epoch_seconds(now) + 300},
                      {"email_verified", true},
                      {"name", "Ada"}};
  if (!email.empty()) claims["email"] = email;
  for (const auto& [name, value] : more_claims) claims[name] = value;
  return answer(
      {{"token_type", "Bearer"},
       {"access_token", "an-access-token"},
       {"id_token", jose::sign_jwt(claims, provider_key(), jose::Algorithm::RS256, "1")}});
}

const jose::PrivateKey& device_key() {
  static const jose::PrivateKey key = jose::PrivateKey::generate_p256();
  return key;
}

std::string agent_token(std::string_view nonce, Instant now, const json::object& changes) {
  static int counter = 0;
  json::object claims{{"iss", "tanium"},
                      {"aud", "https://auth.example.com"},
                      {"sub", "device-1"},
                      {"nonce", nonce},
                      {"iat", to_epoch_seconds(now)},
                      {"exp", to_epoch_seconds(now) + 60},
                      {"jti", "jti-" + std::to_string(++counter)},
                      {"managed", true},
                      {"last_checkin", to_epoch_seconds(now)}};
  for (const auto& [key, value] : changes) {
    if (value.is_null())
      claims.erase(key);
    else
      claims[key] = value;
  }
  return jose::sign_jwt(claims, device_key(), jose::Algorithm::ES256,
                        device_key().public_key().thumbprint(), "lpx+jwt");
}

json::object sample_document() {
  auto document = json::parse(R"({
    "organization": {"name": "Example Works", "auth_domain": "auth.example.com"},
    "identity_providers": [
      {"name": "Code", "type": "onetimepin", "config": {}},
      {"name": "Corp", "type": "oidc",
       "config": {"issuer": "https://idp.example.com", "client_id": "gatehouse"}}],
    "device_posture_integrations": [
      {"name": "Tanium", "type": "tanium", "config": {}},
      {"name": "Second", "type": "tanium", "config": {}}],
    "device_posture_rules": [
      {"name": "managed", "type": "tanium", "input": {"connection_id": "Tanium"},
       "expiration": "1h"},
      {"name": "second", "type": "tanium", "input": {"connection_id": "Second"},
       "expiration": "1h"}],
    "groups": [
      {"name": "machines", "include": [{"service_token": {"token_id": "backup"}}]}],
    "service_tokens": [
      {"name": "backup", "client_secret_hash": "SHA"},
      {"name": "unused", "client_secret_hash": "SHA"}],
    "applications": [
      {"name": "Wiki", "domain": "wiki.example.com", "allowed_idps": ["Code"],
       "policies": [{"name": "staff", "decision": "allow", "session_duration": "2h",
                     "include": [{"email_domain": {"domain": "example.com"}}]}]},
      {"name": "Payroll", "domain": "payroll.example.com", "allowed_idps": ["Code"],
       "policies": [{"name": "staff", "decision": "allow",
                     "include": [{"email_domain": {"domain": "example.com"}}],
                     "require": [{"device_posture": {"integration_uid": "managed"}}]}]},
      {"name": "Vault", "domain": "vault.example.com", "allowed_idps": ["Code"],
       "policies": [{"name": "staff", "decision": "allow",
                     "include": [{"email_domain": {"domain": "example.com"}}],
                     "require": [{"device_posture": {"integration_uid": "managed"}},
                                 {"device_posture": {"integration_uid": "second"}}]}]},
      {"name": "Admin", "domain": "admin.example.com/console", "allowed_idps": ["Corp"],
       "policies": [{"name": "ada", "decision": "allow",
                     "include": [{"email": {"email": "ada@example.com"}}]}]},
      {"name": "Robots", "domain": "robots.example.com",
       "policies": [{"name": "machines", "decision": "non_identity",
                     "include": [{"group": {"id": "machines"}}]}]}],
    "ingress": [
      {"hostname": "*.example.com", "service": "http://127.0.0.1:8080"},
      {"service": "http_status:404"}]
  })")
                      .value()
                      .as_object();
  for (auto& integration : document["device_posture_integrations"].as_array())
    integration.as_object()["config"].as_object()["public_certificate"] =
        device_key().public_key().to_spki_pem();
  for (auto& token : document["service_tokens"].as_array())
    token.as_object()["client_secret_hash"] = hex_encode(crypto::sha256("secret"));
  document["identity_providers"].as_array()[1].as_object()["config"].as_object()["client_secret"] =
      kClientSecret;
  return document;
}

TestGateway::TestGateway(std::uint16_t public_https_port) : port_(public_https_port) {
  store = checked<std::unique_ptr<storage::Store>>(
      storage::open_store("sqlite://" + (directory.path() / "gatehouse.db").string()));
  const auto key_path = directory.path() / "master.key";
  auto& made = made_keys();
  if (made) {
    if (!write_file_atomically(key_path, made->master_key, 0600)) throw std::runtime_error("key");
    for (const auto& key : made->signing_keys)
      if (!store->add_signing_key(key)) throw std::runtime_error("signing key");
  }
  restart();
  if (!made) made = MadeKeys{read_file(key_path).value(), store->signing_keys().value()};
}

void TestGateway::restart() {
  gateway.reset();
  node_state.reset();
  vault = checked<std::unique_ptr<Vault>>(Vault::open(directory.path(), *store, now));
  node_state = checked<std::unique_ptr<node_state::Writer>>(
      node_state::Writer::open(directory.path() / "node", "", std::size_t{16} << 20));
  gateway = Gateway::make({.store = *store,
                           .vault = *vault,
                           .node_state = *node_state,
                           .http_client = provider,
                           .selectors = selectors::registry(),
                           .clock = [this] { return now; },
                           .pin_delivery =
                               [this](const std::string& email, const std::string& code) {
                                 const std::lock_guard lock(mutex_);
                                 delivered_.emplace_back(email, code);
                               },
                           .public_https_port = port_});
}

model::Resources TestGateway::read(const json::object& document) {
  auto resources = policy::read_resources(document, selectors::registry());
  if (!resources)
    throw std::runtime_error(resources.error().front().pointer + ": " +
                             resources.error().front().message);
  return std::move(*resources);
}

ApplyOutcome TestGateway::apply(const json::object& document) {
  auto outcome =
      gateway->apply(read(document), {.name = "admin@example.com", .ip = "", .reference = ""});
  if (!outcome)
    throw std::runtime_error(outcome.error().front().pointer + ": " +
                             outcome.error().front().message);
  return *outcome;
}

const model::Application& TestGateway::application(std::string_view name) const {
  static std::shared_ptr<const model::Resources> resources;
  resources = gateway->resources();
  for (const auto& application : resources->applications)
    if (application.name == name) return application;
  throw std::runtime_error("no such application");
}

std::string TestGateway::last_code() {
  context().pins.wait_until_idle();
  const std::lock_guard lock(mutex_);
  return delivered_.empty() ? "" : delivered_.back().second;
}

std::size_t TestGateway::codes_sent() {
  context().pins.wait_until_idle();
  const std::lock_guard lock(mutex_);
  return delivered_.size();
}

std::vector<storage::AuditEvent> TestGateway::audit(std::string_view event) {
  std::vector<storage::AuditEvent> found;
  auto all = store->recent_audit(1000).value();
  for (auto& entry : all)
    if (entry.event == event) found.push_back(std::move(entry));
  return found;
}

std::unique_ptr<node_state::Reader> TestGateway::reader() const {
  auto reader = checked<std::unique_ptr<node_state::Reader>>(
      node_state::Reader::open(directory.path() / "node"));
  if (!reader->refresh()) throw std::runtime_error("the node state cannot be read");
  return reader;
}

}  // namespace gatehouse::controlplane::test
