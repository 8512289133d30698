// One request to the administration API, authenticated and ready for a handler.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/admin_api/envelope.h"
#include "base/ip.h"
#include "base/json.h"
#include "controlplane/context.h"
#include "controlplane/gateway.h"
#include "dataplane/decision_logs.h"
#include "net/http.h"
#include "storage/store.h"

namespace gatehouse::adapters::admin_api {

inline constexpr std::size_t kMaxBodyBytes = std::size_t{4} << 20;

// What a route needs of the credentials that ask for it.
enum class Access : std::uint8_t { Read, Write };
// How it is known who asks: by an API token, by a session of the dashboard, by the admin socket.
enum class Asker : std::uint8_t { Token, Person, Socket };

// What the API reaches beside the gateway; made by apps/.
struct Services {
  controlplane::Gateway& gateway;
  // Answers a question of POST .../gatehouse/explain (the body of `gatehouse explain`); an error
  // text otherwise.
  std::function<std::expected<json::object, std::string>(const json::value& question)> explain;
  std::function<json::object()> health;
  // Of the decision logs of this node; nullopt: a cursor is none.
  std::function<std::optional<dataplane::DecisionsFound>(const dataplane::DecisionsAsked&)>
      decisions;
  // Why a line of them came to be: {"explanation", "text", "exact", "note"}.
  std::function<json::object(const json::object& line)> review{};
  std::string version;
};

struct Call {
  const Services& services;
  const net::HttpRequest& request;
  std::string account_id;
  std::vector<std::string> arguments;  // what stands for the `{...}` of the route, decoded
  storage::ApiToken token;  // who asks; a person and the `root` of the admin socket have no id
  Asker asker = Asker::Token;
  IpAddress client;
  std::string reference;  // 32 hex: cf-ray, audit

  [[nodiscard]] controlplane::Context& context() const { return services.gateway.context(); }
  [[nodiscard]] controlplane::Actor actor() const;
  // Decoded query parameter; nullopt: absent. A repeated one is the last.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> queries(std::string_view name) const;
  // The body as an object; an error response names what is wrong with it. An empty one is {}
  // where `may_be_empty`.
  [[nodiscard]] std::expected<json::object, net::HttpResponse> body(
      bool may_be_empty = false) const;
  [[nodiscard]] std::expected<json::value, net::HttpResponse> any_body() const;
};

// page and per_page, checked against the operation's limits; an error response otherwise.
struct Paging {
  std::size_t page = 1;
  std::size_t per_page = 25;
  [[nodiscard]] std::size_t offset() const { return (page - 1) * per_page; }
};
[[nodiscard]] std::expected<Paging, net::HttpResponse> paging_of(const Call& call,
                                                                 std::size_t default_per_page,
                                                                 std::size_t most = 1000);

using Handler = std::function<net::HttpResponse(const Call&)>;

// One operation. `pattern`: below the account, `access/apps/{app_id}/policies/{policy_id}`.
struct Operation {
  std::string_view method;
  std::string_view pattern;
  std::string_view family;  // what scopes and roles name: `access/apps`
  Access access = Access::Read;
  Handler handler;
  bool in_zones = false;  // also below /zones/{zone_id}
};

// Each theme adds its operations: one file, one function.
void add_applications(std::vector<Operation>& operations);  // with their policies, settings
void add_policies(std::vector<Operation>& operations);      // reusable
void add_groups(std::vector<Operation>& operations);
void add_identity_providers(std::vector<Operation>& operations);
void add_service_tokens(std::vector<Operation>& operations);
void add_certificates(std::vector<Operation>& operations);
void add_organization(std::vector<Operation>& operations);
void add_tags(std::vector<Operation>& operations);
void add_custom_pages(std::vector<Operation>& operations);
void add_bookmarks(std::vector<Operation>& operations);
void add_device_posture(std::vector<Operation>& operations);  // rules and integrations
void add_lists(std::vector<Operation>& operations);           // gateway/lists
void add_keys(std::vector<Operation>& operations);
void add_users(std::vector<Operation>& operations);  // sessions, failed logins, identity
void add_access_logs(std::vector<Operation>& operations);
void add_policy_tests(std::vector<Operation>& operations);  // and user policy checks
void add_gatehouse(std::vector<Operation>& operations);     // what goes beyond, and in it:
void add_decisions(std::vector<Operation>& operations);
void add_devices(std::vector<Operation>& operations);  // and sessions
void add_statistics(std::vector<Operation>& operations);
void add_tests(std::vector<Operation>& operations);

}  // namespace gatehouse::adapters::admin_api
