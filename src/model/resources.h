// What an administrator configures, in the shapes of the Access API (facts/cloudflare-access-api).
// Plain values; policy/authored.h reads and writes their JSON. Ids are uuids.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"

namespace gatehouse::model {

// {"email_domain": {"domain": "example.com"}}: `kind` is the key, `value` what stands under it.
struct Selector {
  std::string kind;
  json::object value;
};

enum class Action : std::uint8_t { Allow, Block, Bypass, ServiceAuth };
// allow, deny, bypass, non_identity: the API's `decision`.
[[nodiscard]] std::string_view to_string(Action action);
[[nodiscard]] std::optional<Action> parse_action(std::string_view text);

struct Policy {
  std::string id;
  std::string name;
  Action action = Action::Block;
  std::vector<Selector> include;
  std::vector<Selector> exclude;
  std::vector<Selector> require;
  std::optional<std::chrono::seconds> session_duration;
};

struct Group {
  std::string id;
  std::string name;
  std::vector<Selector> include;
  std::vector<Selector> exclude;
  std::vector<Selector> require;
};

struct Application {
  std::string id;
  std::string audience;  // `aud`, 64 hex characters
  std::string name;
  std::vector<std::string> domains;  // host[/path], `*` as the API has it; the first is `domain`
  std::chrono::seconds session_duration{24 * 3600};
  std::vector<std::string> allowed_idps;  // empty: all
  bool auto_redirect_to_identity = false;
  std::string same_site_cookie_attribute = "none";
  bool http_only_cookie_attribute = true;
  bool decision_headers = false;  // extension: also send Gatehouse-Policy-Id and the like
  std::vector<Policy> policies;   // in precedence order
};

struct IdentityProvider {
  std::string id;
  std::string name;
  std::string type;     // onetimepin, oidc
  json::object config;  // without client_secret
  Secret client_secret;
};

struct PostureIntegration {
  std::string id;
  std::string name;
  std::string type;     // tanium
  json::object config;  // port, public_certificate, exchange, token, claims, managed
};

struct PostureRule {
  std::string id;
  std::string name;
  std::string type;    // tanium
  json::object input;  // connection_id (integration id), managed, max_checkin_age
  std::chrono::seconds expiration{3600};  // maximum age of the evidence
};

struct ServiceToken {
  std::string id;
  std::string name;
  std::string client_id;           // <32 hex>.access
  std::string client_secret_hash;  // hex SHA-256 of the secret; the secret itself is never kept
  std::optional<Instant> expires_at;
  bool enabled = true;
};

struct IngressRule {
  std::string hostname;  // exact, `*.example.com`, or empty for the last rule
  std::string path;      // regular expression as cloudflared has it, or empty
  std::string service;   // http://host:port, https://host:port, unix:/path, http_status:404
  json::object origin_request;
};

struct Organization {
  std::string name;
  std::string auth_domain;  // host, no port
  std::chrono::seconds session_duration{24 * 3600};
  std::chrono::seconds node_state_max_age{24 * 3600};  // extension: older state refuses
};

struct Resources {
  Organization organization;
  std::vector<IdentityProvider> identity_providers;
  std::vector<PostureIntegration> posture_integrations;
  std::vector<PostureRule> posture_rules;
  std::vector<Group> groups;
  std::vector<ServiceToken> service_tokens;
  std::vector<Application> applications;
  std::vector<IngressRule> ingress;
};

}  // namespace gatehouse::model
