// What an administrator configures, in the shapes of the Access API (facts/cloudflare-access-api).
// Plain values; policy/authored.h reads and writes their JSON. Ids are uuids. What stands in a
// `kept` has been checked and decides nothing: it is there to be read back (docs/reference/
// configuration.md, "Kept fields"), and for pages: login_design, logo_url, app_launcher_visible.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "model/shared_list.h"

namespace gatehouse::model {

// {"email_domain": {"domain": "example.com"}}: `kind` is the key, `value` what stands under it.
struct Selector {
  std::string kind;
  json::object value;
};

// Of a `config`, by key: `client_secret`.
using ConfigSecrets = std::map<std::string, Secret, std::less<>>;
// Empty: there is none.
[[nodiscard]] Secret secret_of(const ConfigSecrets& secrets, std::string_view key);

enum class Action : std::uint8_t { Allow, Block, Bypass, ServiceAuth };
// allow, deny, bypass, non_identity: the API's `decision`.
[[nodiscard]] std::string_view to_string(Action action);
[[nodiscard]] std::optional<Action> parse_action(std::string_view text);

// What the dashboard lets a person do whom the policy allows.
enum class DashboardRole : std::uint8_t { Administrator, ReadOnly, HelpDesk };
// administrator, read_only, help_desk
[[nodiscard]] std::string_view to_string(DashboardRole role);

// `id` is unique in Resources::policies for a reusable policy, in its application otherwise.
struct Policy {
  std::string id;
  std::string name;
  Action action = Action::Block;
  std::vector<Selector> include;
  std::vector<Selector> exclude;
  std::vector<Selector> require;
  std::optional<std::chrono::seconds> session_duration;
  bool purpose_justification_required = false;
  std::string purpose_justification_prompt;
  std::optional<DashboardRole> dashboard_role;  // extension; Allow only. Absent: read_only
  bool reusable = false;                        // a copy of the one in Resources::policies
  // As authored, in an application; what counts is the order there.
  std::optional<std::int64_t> precedence;
  json::object kept;
};

struct Group {
  std::string id;
  std::string name;
  std::vector<Selector> include;
  std::vector<Selector> exclude;
  std::vector<Selector> require;
  json::object kept;
};

// What the gateway answers to preflights for the application (Fetch standard, CORS protocol).
struct CorsHeaders {
  bool allow_all_headers = false;
  bool allow_all_methods = false;
  bool allow_all_origins = false;
  bool allow_credentials = false;
  std::vector<std::string> allowed_headers;
  std::vector<std::string> allowed_methods;
  std::vector<std::string> allowed_origins;
  std::optional<std::int64_t> max_age;  // seconds; -1: do not cache
};

enum class ApplicationType : std::uint8_t {
  SelfHosted,
  Bookmark,   // a link: no domains, and nothing is decided for it
  Dashboard,  // dash_sso: whole hosts, where the gateway itself answers
};

// Everything of an application but its name, its places and its policies: as authored, and as the
// compiled application has it.
struct ApplicationSettings {
  ApplicationType type = ApplicationType::SelfHosted;
  std::chrono::seconds session_duration{24 * 3600};
  std::vector<std::string> allowed_idps;  // empty: all
  bool auto_redirect_to_identity = false;
  std::string same_site_cookie_attribute = "none";
  bool http_only_cookie_attribute = true;
  bool path_cookie_attribute = false;  // the cookie's Path is the application's
  bool enable_binding_cookie = false;  // its tokens count only beside their CF_Binding cookie
  bool decision_headers = false;       // extension: also send Gatehouse-Policy-Id and the like
  std::optional<CorsHeaders> cors_headers;
  bool options_preflight_bypass = false;  // preflights reach the application; not with cors_headers
  std::string custom_deny_message;        // on the refusal page
  std::string custom_deny_url;            // instead of it, for what the identity is refused
  std::string custom_non_identity_deny_url;     // for device, network, certificate, service token
  std::vector<std::string> custom_pages;        // ids
  bool service_auth_401_redirect = false;       // 401 instead of a login redirect
  bool skip_interstitial = false;               // command-line sign-in without a page between
  std::string read_service_tokens_from_header;  // lower case; empty: none
};

struct Application : ApplicationSettings {
  std::string id;
  std::string audience;  // `aud`, 64 hex characters
  std::string name;
  std::vector<std::string> domains;  // host[/path], `*` as the API has it; the first is `domain`
  std::vector<Policy> policies;      // in precedence order
  std::vector<std::string> tags;     // names
  std::vector<std::string> inert_custom_pages;  // ids of those of a type that is never shown
  json::object kept;                            // of a bookmark also its `domain`
};
// Whether requests reach it through the gateway, so that the snapshot has it.
[[nodiscard]] inline bool is_protected(const Application& application) {
  return application.type != ApplicationType::Bookmark;
}

// Addresses that many rules share.
enum class ListType : std::uint8_t { Email, Ip };
struct List {
  std::string id;
  std::string name;
  ListType type = ListType::Email;  // EMAIL, IP
  std::vector<std::string> items;   // `value` of each
  json::object kept_items;          // by value: what an item is kept with
  json::object kept;
};

// A client certificate authority, for the hosts it is associated with and no other.
struct MtlsCertificate {
  std::string id;
  std::string name;
  std::string certificate;  // PEM, one or more
  std::vector<std::string> associated_hostnames;
  std::string crl;                           // extension: PEM, one or more; empty: none
  std::vector<std::string> revoked_serials;  // extension: lower-case hex
  json::object kept;
};

enum class CustomPageType : std::uint8_t { Forbidden, IdentityDenied, Login, Interstitial };
// The others are kept without effect.
[[nodiscard]] constexpr bool is_shown(CustomPageType type) {
  return type == CustomPageType::Forbidden || type == CustomPageType::IdentityDenied;
}
struct CustomPage {
  std::string id;
  std::string name;
  CustomPageType type = CustomPageType::Forbidden;  // forbidden, identity_denied, ...
  std::string custom_html;
  json::object kept;
};

struct Tag {
  std::string name;
};

// A link for the launcher of the API; an application of type `bookmark` in its older form.
struct Bookmark {
  std::string id;
  std::string name;
  json::object kept;  // domain, logo_url, app_launcher_visible
};

struct IdentityProvider {
  std::string id;
  std::string name;
  std::string type;     // onetimepin, oidc, azureAD, ...
  json::object config;  // without secrets
  ConfigSecrets secrets;
  json::object kept;
};
// Whether the gateway can sign people in with it; the other types are kept only.
[[nodiscard]] bool can_sign_in(const IdentityProvider& provider);

struct PostureIntegration {
  std::string id;
  std::string name;
  std::string type;  // tanium, intune, ...
  // Without secrets. Of tanium: port, public_certificate, exchange, token, claims, managed.
  json::object config;
  ConfigSecrets secrets;
  json::object kept;
};
// Whether the gateway can ask it about devices; the other types are kept only.
[[nodiscard]] bool can_check_devices(const PostureIntegration& integration);

struct PostureRule {
  std::string id;
  std::string name;
  std::string type;  // tanium, intune, ...
  // Of tanium: connection_id (integration id), managed, max_checkin_age, ...
  json::object input;
  std::chrono::seconds expiration{3600};  // maximum age of the evidence
  json::object kept;
};
// Whether there can be evidence for it; a rule of another type is kept, and never fulfilled.
[[nodiscard]] bool can_be_checked(const PostureRule& rule);

struct ServiceToken {
  std::string id;
  std::string name;
  std::string client_id;           // <32 hex>.access
  std::string client_secret_hash;  // hex SHA-256 of the secret; the secret itself is never kept
  std::optional<Instant> expires_at;
  bool enabled = true;
  std::string duration;  // of its life, from making or refresh; `forever`; empty: not said
  // Also good, until the instant comes: after a rotation with overlap. Empty: none.
  std::string previous_client_secret_hash;
  std::optional<Instant> previous_client_secret_expires_at;
  json::object kept;
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
  std::string forbidden_page;  // custom_pages.forbidden: id; for what an application does not say
  std::string identity_denied_page;  // custom_pages.identity_denied
  json::object kept;
};

struct Resources {
  Organization organization;
  std::vector<IdentityProvider> identity_providers;
  std::vector<PostureIntegration> posture_integrations;
  std::vector<PostureRule> posture_rules;
  std::vector<List> lists;
  std::vector<Group> groups;
  std::vector<Policy> policies;  // reusable
  std::vector<ServiceToken> service_tokens;
  std::vector<MtlsCertificate> certificates;
  std::vector<CustomPage> custom_pages;
  std::vector<Tag> tags;
  std::vector<Bookmark> bookmarks;
  SharedList<Application> applications;  // there may be very many
  std::vector<IngressRule> ingress;
};

}  // namespace gatehouse::model
