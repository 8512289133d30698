// A gateway for tests: the real store and node state in a temporary directory, a clock that stands
// still, an identity provider and an agent that do as they are told.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/context.h"
#include "controlplane/gateway.h"
#include "controlplane/vault.h"
#include "jose/jwk.h"
#include "model/resources.h"
#include "net/http_client.h"
#include "node_state/node_state.h"
#include "storage/store.h"

namespace gatehouse::controlplane::test {

inline constexpr Instant kStart = from_epoch_seconds(1'800'000'000);
inline constexpr std::string_view kClientSecret = "the-client-secret-of-corp";
inline constexpr std::string_view kProvider = "https://idp.example.com";

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The OpenID provider behind the login method `Corp`.
class FakeProvider final : public net::HttpClient {
 public:
  std::expected<net::HttpResponse, net::OutboundError> send(
      const net::OutboundRequest& request) const override;
  // What the provider answers to an authorization request: the query of the callback.
  std::string authorize(std::string_view authorization_url);
  // What it posts when Ada signs out there; `changes` over the default claims, null removes one.
  [[nodiscard]] std::string logout_token(const json::object& changes = {}) const;

  Instant now = kStart;
  std::string email = "ada@example.com";
  bool reachable = true;
  bool refuses_token = false;
  json::object more_claims;                 // in the ID token
  std::optional<json::object> token_error;  // what the token endpoint answers instead, with 400

 private:
  std::string nonce_;
};

// The device behind the integrations `Tanium` and `Second`.
const jose::PrivateKey& device_key();
// What the agent signs; `changes` over the default claims, null removes one.
[[nodiscard]] std::string agent_token(std::string_view nonce, Instant now,
                                      const json::object& changes = {});

// Wiki (Code), Payroll (Code; managed device), Vault (Code; both devices), Admin (Corp), Robots
// (service tokens).
[[nodiscard]] json::object sample_document();

class TestGateway {
 public:
  explicit TestGateway(std::uint16_t public_https_port = 443);

  [[nodiscard]] static model::Resources read(const json::object& document);
  ApplyOutcome apply(const json::object& document);
  // A new gateway over the same store and node state, as after a restart.
  void restart();
  [[nodiscard]] Context& context() { return gateway->context(); }
  [[nodiscard]] const model::Application& application(std::string_view name) const;
  // The code that was sent last; empty: none.
  [[nodiscard]] std::string last_code();
  [[nodiscard]] std::size_t codes_sent();
  [[nodiscard]] std::vector<storage::AuditEvent> audit(std::string_view event);
  [[nodiscard]] std::unique_ptr<node_state::Reader> reader() const;

  TemporaryDirectory directory;
  Instant now = kStart;
  FakeProvider provider;
  std::unique_ptr<storage::Store> store;
  std::unique_ptr<Vault> vault;
  std::unique_ptr<node_state::Writer> node_state;
  std::unique_ptr<Gateway> gateway;

 private:
  std::uint16_t port_;
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> delivered_;
};

}  // namespace gatehouse::controlplane::test
