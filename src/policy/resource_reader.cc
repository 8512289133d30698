#include "policy/resource_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/encoding.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "jose/jwk.h"
#include "model/limits.h"
#include "policy/nearest.h"
#include "policy/syntax.h"

namespace gatehouse::policy {
namespace {

using std::chrono::seconds;
using Numbers = ObjectReader::Numbers;

constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kMaxRegexBytes = 1024;
constexpr seconds kShortestSession{1};
// A living control plane renews the node state every ten seconds.
constexpr seconds kShortestNodeStateAge{15};
constexpr seconds kDefaultCheckinAge{7 * 24 * 3600};
constexpr std::string_view kAlphabetHex = "0123456789abcdef";

bool is_hex(std::string_view text, std::size_t length) {
  return text.size() == length && text.find_first_not_of(kAlphabetHex) == std::string_view::npos;
}

// The ids and names of one kind of resource, by position.
class NameTable {
 public:
  explicit NameTable(std::string_view noun) : noun_(noun) {}

  // Reads `id` and `name`, derives an absent id from `derivation`, and takes the next position.
  std::pair<std::string, std::string> add(ObjectReader& reader, std::string_view kind,
                                          std::string_view scope = {}) {
    const std::uint32_t position = static_cast<std::uint32_t>(ids_.size());
    std::string name = reader.required_text("name", Numbers::Accept);
    bool is_named = false;  // by a name of its own
    if (name.size() > kMaxNameBytes) {
      reader.problem("name", fmt::format("must have at most {} bytes", kMaxNameBytes));
    } else if (is_uuid(ascii_lower(name))) {
      reader.problem("name", "must not look like an id");
    } else if (!name.empty()) {
      is_named = by_name_.emplace(name, position).second;
      if (!is_named) {
        reader.problem("name", fmt::format("`{}` is already the name of another {}", name, noun_));
      }
    }
    std::string id = ascii_lower(reader.text_or("id", ""));
    const bool is_derived = id.empty();
    if (is_derived) id = uuid_v5(kind, fmt::format("{}{}", scope, name));
    if (!is_uuid(id)) {
      reader.problem("id", "must be a UUID; left out, it is derived from the name");
    } else if (!by_id_.emplace(id, position).second && (is_named || !is_derived)) {
      reader.problem("id", fmt::format("`{}` is already the id of another {}", id, noun_));
    }
    ids_.push_back(id);
    return {std::move(id), std::move(name)};
  }
  void add_unreadable() { ids_.emplace_back(); }

  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view id_or_name) const {
    if (const auto found = by_id_.find(ascii_lower(id_or_name)); found != by_id_.end()) {
      return found->second;
    }
    if (const auto found = by_name_.find(id_or_name); found != by_name_.end()) {
      return found->second;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<std::string> find_id(std::string_view id_or_name) const {
    const auto position = find(id_or_name);
    if (!position) return std::nullopt;
    return ids_[*position];
  }
  [[nodiscard]] std::string unknown(std::string_view reference) const {
    std::vector<std::string_view> names;
    for (const auto& [name, position] : by_name_) names.push_back(name);
    return fmt::format("there is no {} `{}`{}", noun_, reference, suggestion(reference, names));
  }

 private:
  std::string_view noun_;
  std::vector<std::string> ids_;
  std::map<std::string, std::uint32_t, std::less<>> by_id_;
  std::map<std::string, std::uint32_t, std::less<>> by_name_;
};

// Where selectors name other resources.
enum class Reference : std::uint8_t { Group, PostureRule, LoginMethod, ServiceToken };
struct ReferenceField {
  std::string_view kind;  // empty: every kind
  std::string_view field;
  Reference reference;
};
constexpr std::array<ReferenceField, 5> kReferenceFields{{
    {"group", "id", Reference::Group},
    {"device_posture", "integration_uid", Reference::PostureRule},
    {"login_method", "id", Reference::LoginMethod},
    {"service_token", "token_id", Reference::ServiceToken},
    {"", "identity_provider_id", Reference::LoginMethod},
}};

struct RuleLists {
  std::vector<model::Selector> include;
  std::vector<model::Selector> exclude;
  std::vector<model::Selector> require;
  decision::CompiledRules compiled;
};

constexpr std::array<UnsupportedKey, 21> kUnsupportedApplicationKeys{{
    {"allow_authenticate_via_warp", ""},
    {"allow_iframe", ""},
    {"app_launcher_visible", ""},
    {"cors_headers", ""},
    {"custom_deny_message", ""},
    {"custom_deny_url", ""},
    {"custom_non_identity_deny_url", ""},
    {"custom_pages", ""},
    {"eager_redirect_cookie_setting", ""},
    {"enable_binding_cookie", ""},
    {"logo_url", ""},
    {"mfa_config", ""},
    {"oauth_configuration", ""},
    {"options_preflight_bypass", ""},
    {"path_cookie_attribute", ""},
    {"read_service_tokens_from_header", ""},
    {"scim_config", ""},
    {"service_auth_401_redirect", ""},
    {"skip_interstitial", ""},
    {"tags", ""},
    {"use_clientless_isolation_app_launcher_url", ""},
}};
constexpr std::array<UnsupportedKey, 9> kUnsupportedPolicyKeys{{
    {"approval_groups", ""},
    {"approval_required", ""},
    {"connection_rules", ""},
    {"isolation_required", ""},
    {"mfa_config", ""},
    {"precedence", "policies apply in the order of the list"},
    {"purpose_justification_prompt", ""},
    {"purpose_justification_required", ""},
    {"reusable", ""},
}};
constexpr std::array<UnsupportedKey, 1> kUnsupportedGroupKeys{{{"is_default", ""}}};
constexpr std::array<UnsupportedKey, 2> kUnsupportedTokenKeys{{
    {"client_secret", "write `client_secret_hash`, the hex SHA-256 of the secret"},
    {"duration", "write `expires_at`"},
}};
constexpr std::array<UnsupportedKey, 3> kUnsupportedPostureRuleKeys{{
    {"description", ""},
    {"match", ""},
    {"schedule", "the browser brings the evidence, nothing is polled"},
}};
constexpr std::array<UnsupportedKey, 3> kUnsupportedPostureInputKeys{{
    {"patch_status", ""},
    {"vulnerability_operator", ""},
    {"vulnerability_score", ""},
}};
constexpr std::array<UnsupportedKey, 1> kUnsupportedIntegrationKeys{{
    {"interval", "the browser brings the evidence, nothing is polled"},
}};
constexpr std::array<UnsupportedKey, 1> kUnsupportedProviderKeys{{{"scim_config", ""}}};
constexpr std::array<UnsupportedKey, 1> kUnsupportedOriginKeys{{
    {"access", "protection is said in `applications`"},
}};

std::string key_problem(jose::KeyError error) {
  switch (error) {
    case jose::KeyError::PrivateKeyGiven:
      return "is a private key: write the public certificate or public key here, and make a new "
             "key if this file has been shared";
    case jose::KeyError::NotForSigning:
      return "is a certificate whose key is not for signing (its keyUsage lacks digitalSignature)";
    case jose::KeyError::TooWeak:
      return "is an RSA key of less than 2048 bits";
    case jose::KeyError::Unsupported:
      return "is a key of an unsupported type";
    case jose::KeyError::Malformed:
      break;
  }
  return "is not PEM: it must be `-----BEGIN CERTIFICATE-----` or `-----BEGIN PUBLIC KEY-----` "
         "with "
         "all lines up to the END line";
}

class Reader final : public decision::CompileContext {
 public:
  Reader(const json::object& document, Form form, decision::SelectorRegistry selectors,
         Problems& problems)
      : document_(document), form_(form), selectors_(selectors), problems_(problems) {
    for (const decision::SelectorKind& kind : selectors_) kind_names_.push_back(kind.name);
  }

  ReadSections read() {
    read_organization();
    read_identity_providers();
    if (form_ == Form::Authored) read_integrations();
    read_posture_rules();
    read_service_tokens();
    read_groups();
    if (form_ == Form::Authored) read_ingress();
    read_applications();
    return std::move(result_);
  }

  // decision::CompileContext
  std::optional<std::uint32_t> find_group(std::string_view id) const override {
    return groups_.find(id);
  }
  std::optional<std::uint32_t> find_posture_rule(std::string_view id) const override {
    return posture_rules_.find(id);
  }
  std::optional<std::string> find_login_method(std::string_view id) const override {
    return providers_.find_id(id);
  }
  std::optional<std::string> find_service_token(std::string_view id) const override {
    return service_tokens_.find_id(id);
  }
  std::optional<std::uint32_t> find_list(std::string_view, model::ListType) const override {
    return std::nullopt;
  }

 private:
  [[nodiscard]] const json::array* section(std::string_view key) {
    const json::value* found = json::find(document_, key);
    if (found == nullptr || found->is_null()) return nullptr;
    const json::array* list = found->if_array();
    if (list == nullptr) problems_.add(Path(Path(), key), "must be a list");
    return list;
  }

  // An object stands under `key`; absent ones are read as empty, so that what they must contain is
  // asked for by name.
  static const json::object& nested(ObjectReader& reader, std::string_view key) {
    static const json::object kEmpty;
    const json::object* found = reader.object(key);
    return found == nullptr ? kEmpty : *found;
  }

  void read_organization() {
    const Path root;
    ObjectReader top(document_, root, problems_);
    const json::value* found = top.value("organization");
    if (found == nullptr) return top.problem("organization", "is required");
    const json::object* object = top.object("organization");
    if (object == nullptr) return;
    const Path path(root, "organization");
    ObjectReader reader(*object, path, problems_);
    model::Organization& organization = result_.resources.organization;
    organization.auth_domain = ascii_lower(reader.required_text("auth_domain"));
    if (!organization.auth_domain.empty()) {
      if (auto problem = host_problem(organization.auth_domain, Wildcard::Refuse)) {
        reader.problem("auth_domain", *problem);
      }
    }
    organization.name = reader.text("name", Numbers::Accept).value_or(organization.auth_domain);
    organization.node_state_max_age = reader.duration("node_state_max_age", kShortestNodeStateAge)
                                          .value_or(organization.node_state_max_age);
    if (form_ == Form::Authored) {
      organization.session_duration = reader.duration("session_duration", kShortestSession)
                                          .value_or(organization.session_duration);
    } else {
      result_.issuer = reader.required_text("issuer");
      if (!result_.issuer.empty()) {
        if (auto problem = url_problem(result_.issuer)) reader.problem("issuer", *problem);
      }
    }
    reader.finish();
  }

  void read_identity_providers() {
    bool has_pin = false;
    const Path root;
    const Path section_path(root, "identity_providers");
    for_each_object(section("identity_providers"), section_path, problems_,
                    [&](std::size_t, const json::object& object, const Path& path) {
                      ObjectReader reader(object, path, problems_);
                      model::IdentityProvider provider;
                      std::tie(provider.id, provider.name) =
                          providers_.add(reader, "identity_provider");
                      static constexpr std::array<std::string_view, 2> kTypes{"onetimepin", "oidc"};
                      if (reader.value("type") == nullptr) reader.problem("type", "is required");
                      provider.type = reader.one_of("type", "", kTypes);
                      if (provider.type == "onetimepin" && std::exchange(has_pin, true)) {
                        reader.problem("type", "is already used: one `onetimepin` is enough");
                      }
                      if (form_ == Form::Authored) read_provider_config(reader, provider);
                      reader.finish(kUnsupportedProviderKeys);
                      result_.resources.identity_providers.push_back(std::move(provider));
                    });
  }

  void read_provider_config(ObjectReader& reader, model::IdentityProvider& provider) {
    const json::object& config = nested(reader, "config");
    const Path path(reader.path(), "config");
    ObjectReader inner(config, path, problems_);
    if (provider.type == "onetimepin") return inner.finish();
    if (provider.type != "oidc") return;
    const std::string issuer = inner.required_text("issuer");
    if (!issuer.empty()) {
      if (auto problem = url_problem(issuer)) {
        inner.problem("issuer", *problem);
      } else if (issuer.find('?') != std::string::npos) {
        inner.problem("issuer", "must not have a query");
      }
    }
    const std::string client_id = inner.required_text("client_id", Numbers::Accept);
    for (const std::string_view key : {"auth_url", "token_url", "certs_url"}) {
      const auto url = inner.text(key);
      if (!url) continue;
      if (auto problem = url_problem(*url)) inner.problem(key, *problem);
    }
    provider.client_secret = Secret(inner.text("client_secret", Numbers::Accept).value_or(""));
    provider.config = config;
    provider.config.erase("client_secret");
    provider.config["client_id"] = client_id;  // text, even where digits were written
  }

  void read_integrations() {
    const Path root;
    const Path section_path(root, "device_posture_integrations");
    for_each_object(section("device_posture_integrations"), section_path, problems_,
                    [&](std::size_t, const json::object& object, const Path& path) {
                      ObjectReader reader(object, path, problems_);
                      model::PostureIntegration integration;
                      std::tie(integration.id, integration.name) =
                          integrations_.add(reader, "device_posture_integration");
                      integration.type = read_tanium_type(reader);
                      integration.config = nested(reader, "config");
                      const Path config_path(path, "config");
                      ObjectReader config(integration.config, config_path, problems_);
                      const std::int64_t port = config.integer("port", 17472, 1, 65535);
                      read_public_certificate(config);
                      integration.config["port"] = port;
                      reader.finish(kUnsupportedIntegrationKeys);
                      result_.resources.posture_integrations.push_back(std::move(integration));
                    });
  }

  static std::string read_tanium_type(ObjectReader& reader) {
    static constexpr std::array<std::string_view, 1> kTypes{"tanium"};
    if (reader.value("type") == nullptr) reader.problem("type", "is required");
    return reader.one_of("type", "", kTypes);
  }

  // One text or a list of them (for roll-over), each with one or more PEM blocks.
  void read_public_certificate(ObjectReader& reader) {
    const json::value* value = reader.value("public_certificate");
    if (value == nullptr) return reader.problem("public_certificate", "is required");
    const Path path(reader.path(), "public_certificate");
    if (const json::array* list = value->if_array()) {
      if (list->empty()) problems_.add(path, "must not be empty");
      for (std::size_t i = 0; i < list->size(); ++i) check_pem((*list)[i], Path(path, i));
    } else {
      check_pem(*value, path);
    }
  }

  void check_pem(const json::value& value, const Path& path) {
    const auto* text = value.if_string();
    if (text == nullptr) return problems_.add(path, "must be text");
    constexpr std::string_view kBegin = "-----BEGIN ";
    std::string_view rest = *text;
    std::size_t begin = rest.find(kBegin);
    if (begin == std::string_view::npos) {
      return problems_.add(path, key_problem(jose::KeyError::Malformed));
    }
    while (begin != std::string_view::npos) {
      rest.remove_prefix(begin);
      begin = rest.find(kBegin, kBegin.size());
      const auto key = jose::PublicKey::from_pem(rest.substr(0, begin));
      if (!key) problems_.add(path, key_problem(key.error()));
    }
  }

  void read_posture_rules() {
    const Path root;
    const Path section_path(root, "device_posture_rules");
    for_each_object(
        section("device_posture_rules"), section_path, problems_,
        [&](std::size_t, const json::object& object, const Path& path) {
          ObjectReader reader(object, path, problems_);
          model::PostureRule rule;
          std::tie(rule.id, rule.name) = posture_rules_.add(reader, "device_posture_rule");
          rule.type = read_tanium_type(reader);
          const Path input_path(path, "input");
          ObjectReader input(nested(reader, "input"), input_path, problems_);
          std::string connection = input.required_text("connection_id");
          if (form_ == Form::Authored && !connection.empty()) {
            if (auto id = integrations_.find_id(connection)) {
              connection = *id;
            } else {
              input.problem("connection_id", integrations_.unknown(connection));
            }
          }
          const bool managed = input.boolean("managed", true);
          const auto checkin_age =
              input.duration("max_checkin_age", seconds{1}).value_or(kDefaultCheckinAge);
          input.finish(kUnsupportedPostureInputKeys);
          rule.input = {{"connection_id", connection},
                        {"managed", managed},
                        {"max_checkin_age", format_duration(checkin_age)}};
          rule.expiration = reader.duration("expiration", seconds{1}).value_or(rule.expiration);
          reader.finish(kUnsupportedPostureRuleKeys);
          result_.resources.posture_rules.push_back(std::move(rule));
        });
  }

  void read_service_tokens() {
    const Path root;
    const Path section_path(root, "service_tokens");
    for_each_object(
        section("service_tokens"), section_path, problems_,
        [&](std::size_t, const json::object& object, const Path& path) {
          ObjectReader reader(object, path, problems_);
          model::ServiceToken token;
          std::tie(token.id, token.name) = service_tokens_.add(reader, "service_token");
          token.client_id = reader.text_or("client_id", "");
          if (token.client_id.empty()) {
            token.client_id = token.id + ".access";
            std::erase(token.client_id, '-');
          }
          if (token.client_id.size() > kMaxNameBytes ||
              token.client_id.find(' ') != std::string::npos) {
            reader.problem("client_id", "must be a short text without spaces");
          } else if (const auto [owner, is_new] = client_ids_.emplace(token.client_id, token.id);
                     !is_new && owner->second != token.id) {
            reader.problem("client_id", fmt::format("`{}` is already the client id of another "
                                                    "service token",
                                                    token.client_id));
          }
          token.client_secret_hash = ascii_lower(reader.required_text("client_secret_hash"));
          if (!token.client_secret_hash.empty() && !is_hex(token.client_secret_hash, 64)) {
            reader.problem("client_secret_hash",
                           "must be the SHA-256 of the secret as 64 hex characters");
          }
          if (const auto expires_at = reader.text("expires_at")) {
            token.expires_at = parse_rfc3339(*expires_at);
            if (!token.expires_at) {
              reader.problem("expires_at", "must be a time such as `2030-01-31T00:00:00Z`");
            }
          }
          token.enabled = reader.boolean("enabled", true);
          reader.finish(kUnsupportedTokenKeys);
          result_.resources.service_tokens.push_back(std::move(token));
        });
  }

  void read_groups() {
    const json::array* list = section("groups");
    if (list == nullptr) return;
    const Path root;
    const Path section_path(root, "groups");
    // Groups may name later ones: their names first, then their rules.
    std::vector<model::Group>& groups = result_.resources.groups;
    groups.resize(list->size());
    result_.groups.resize(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
      const Path path(section_path, i);
      const json::object* object = (*list)[i].if_object();
      if (object == nullptr) {
        groups_.add_unreadable();
        continue;
      }
      ObjectReader reader(*object, path, problems_);
      std::tie(groups[i].id, groups[i].name) = groups_.add(reader, "group");
    }
    for_each_object(list, section_path, problems_,
                    [&](std::size_t i, const json::object& object, const Path& path) {
                      ObjectReader reader(object, path, problems_);
                      reader.known({"id", "name"});
                      RuleLists rules = read_rules(reader);
                      reader.finish(kUnsupportedGroupKeys);
                      groups[i].include = std::move(rules.include);
                      groups[i].exclude = std::move(rules.exclude);
                      groups[i].require = std::move(rules.require);
                      result_.groups[i] = std::move(rules.compiled);
                    });
    check_nesting(groups, section_path);
  }

  // INVARIANT: after this, following groups within groups ends, within kMaxGroupDepth steps.
  void check_nesting(const std::vector<model::Group>& groups, const Path& section_path) {
    std::vector<std::vector<std::uint32_t>> children(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) {
      for (const auto* list : {&groups[i].include, &groups[i].exclude, &groups[i].require}) {
        for (const model::Selector& selector : *list) {
          if (selector.kind != "group") continue;
          const auto id = json::find_string(selector.value, "id");
          const auto position = id ? groups_.find(*id) : std::nullopt;
          if (position) children[i].push_back(*position);
        }
      }
    }
    enum class State : std::uint8_t { New, Open, Done };
    std::vector<State> states(groups.size(), State::New);
    std::vector<std::size_t> depths(groups.size(), 1);
    struct Step {
      std::uint32_t group;
      std::size_t next_child;
    };
    std::vector<Step> steps;  // the way down; not the call stack, which hostile input could exhaust
    for (std::uint32_t start = 0; start < groups.size(); ++start) {
      if (states[start] != State::New) continue;
      states[start] = State::Open;
      steps.push_back({start, 0});
      while (!steps.empty()) {
        Step& step = steps.back();
        const std::uint32_t group = step.group;
        if (step.next_child == children[group].size()) {
          states[group] = State::Done;
          steps.pop_back();
          if (depths[group] == model::kMaxGroupDepth + 1) {
            problems_.add(Path(section_path, group),
                          fmt::format("nests groups more than {} deep", model::kMaxGroupDepth));
          }
          if (!steps.empty()) {
            std::size_t& parent = depths[steps.back().group];
            parent = std::max(parent, depths[group] + 1);
          }
          continue;
        }
        const std::uint32_t child = children[group][step.next_child++];
        if (states[child] == State::Open) {
          std::string cycle;
          auto entry = std::find_if(steps.begin(), steps.end(),
                                    [&](const Step& at) { return at.group == child; });
          for (; entry != steps.end(); ++entry) cycle += groups[entry->group].name + " -> ";
          problems_.add(Path(section_path, group),
                        fmt::format("groups contain each other: {}{}", cycle, groups[child].name));
        } else if (states[child] == State::New) {
          states[child] = State::Open;
          steps.push_back({child, 0});
        } else {
          depths[group] = std::max(depths[group], depths[child] + 1);
        }
      }
    }
  }

  RuleLists read_rules(ObjectReader& reader) {
    RuleLists rules;
    rules.include = read_list(reader, "include", decision::Combine::Any, rules.compiled.include);
    rules.exclude = read_list(reader, "exclude", decision::Combine::Any, rules.compiled.exclude);
    rules.require = read_list(reader, "require", decision::Combine::All, rules.compiled.require);
    const json::value* include = reader.value("include");
    if (include == nullptr || (include->is_array() && include->get_array().empty())) {
      reader.problem("include", "must have at least one rule: without one it can never match");
    }
    return rules;
  }

  std::vector<model::Selector> read_list(ObjectReader& owner, std::string_view key,
                                         decision::Combine combine,
                                         decision::MatcherList& matchers) {
    std::vector<model::Selector> selectors;
    std::vector<std::size_t> positions;  // of `selectors` in the list
    std::vector<std::pair<const decision::SelectorKind*, std::vector<std::size_t>>> by_kind;
    const Path path(owner.path(), key);
    for_each_object(
        owner.list(key), path, problems_,
        [&](std::size_t index, const json::object& object, const Path& item) {
          if (object.size() != 1) {
            return problems_.add(item,
                                 "must have exactly one key, the kind of rule, as in "
                                 "{\"email\": {\"email\": \"a@example.com\"}}");
          }
          const std::string_view name = object.begin()->key();
          const auto kind =
              std::find_if(selectors_.begin(), selectors_.end(),
                           [&](const decision::SelectorKind& entry) { return entry.name == name; });
          if (kind == selectors_.end()) {
            return problems_.add(Path(item, name),
                                 "is not a known kind of rule" + suggestion(name, kind_names_));
          }
          const json::object* value = object.begin()->value().if_object();
          if (value == nullptr) return problems_.add(Path(item, name), "must be an object");
          model::Selector selector{std::string(name), *value};
          if (!resolve_references(selector, Path(item, name))) return;
          const auto same = std::find_if(by_kind.begin(), by_kind.end(),
                                         [&](const auto& entry) { return entry.first == &*kind; });
          if (same == by_kind.end()) {
            by_kind.push_back({&*kind, {selectors.size()}});
          } else {
            same->second.push_back(selectors.size());
          }
          selectors.push_back(std::move(selector));
          positions.push_back(index);
        });
    for (const auto& [kind, members] : by_kind) {
      std::vector<const json::object*> values;
      for (const std::size_t member : members) values.push_back(&selectors[member].value);
      auto matcher = kind->compile(values, combine, *this);
      if (matcher) {
        matchers.push_back(std::move(*matcher));
      } else {
        report_values(*kind, values, members, positions, combine, matcher.error(), path);
      }
    }
    return selectors;
  }

  // The compiler stops at the first bad value; people want to hear of all.
  void report_values(const decision::SelectorKind& kind,
                     const std::vector<const json::object*>& values,
                     const std::vector<std::size_t>& members,
                     const std::vector<std::size_t>& positions, decision::Combine combine,
                     const decision::SelectorError& first, const Path& path) {
    const auto report = [&](std::size_t value, const decision::SelectorError& error) {
      const Path item(path, positions[members[value]]);
      const Path at(item, kind.name);
      problems_.add(error.field.empty() ? at : Path(at, error.field), error.message);
    };
    bool reported = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto alone = kind.compile(std::span(&values[i], 1), combine, *this);
      if (alone) continue;
      report(i, alone.error());
      reported = true;
    }
    if (!reported) report(std::min(first.index, values.size() - 1), first);
  }

  // Replaces names by ids. False when a reference leads nowhere, which has been reported.
  bool resolve_references(model::Selector& selector, const Path& path) {
    for (const ReferenceField& entry : kReferenceFields) {
      if (!entry.kind.empty() && entry.kind != selector.kind) continue;
      const auto reference = json::find_string(selector.value, entry.field);
      if (!reference) continue;  // absent or no text: the compiler's to say
      const NameTable& table = table_of(entry.reference);
      const auto id = table.find_id(*reference);
      if (!id) {
        problems_.add(Path(path, entry.field), table.unknown(*reference));
        return false;
      }
      selector.value[entry.field] = *id;
    }
    return true;
  }

  const NameTable& table_of(Reference reference) const {
    switch (reference) {
      case Reference::Group:
        return groups_;
      case Reference::PostureRule:
        return posture_rules_;
      case Reference::LoginMethod:
        return providers_;
      case Reference::ServiceToken:
        break;
    }
    return service_tokens_;
  }

  void read_ingress() {
    const std::size_t problems_before = problems_.size();
    const Path root;
    const Path section_path(root, "ingress");
    const json::array* list = section("ingress");
    std::vector<model::IngressRule>& rules = result_.resources.ingress;
    for_each_object(
        list, section_path, problems_,
        [&](std::size_t index, const json::object& object, const Path& path) {
          ObjectReader reader(object, path, problems_);
          model::IngressRule rule;
          rule.hostname = ascii_lower(reader.text_or("hostname", ""));
          rule.path = reader.text_or("path", "");
          rule.service = reader.required_text("service");
          if (rule.hostname.empty()) {
            if (index + 1 != list->size()) {
              reader.problem("hostname", "is required in every rule but the last");
            }
          } else if (auto problem = host_problem(rule.hostname, Wildcard::Allow)) {
            reader.problem("hostname", *problem);
          }
          if (rule.path.size() > kMaxRegexBytes) {
            reader.problem("path", fmt::format("must have at most {} bytes", kMaxRegexBytes));
          }
          if (!rule.service.empty()) {
            if (auto problem = service_problem(rule.service)) reader.problem("service", *problem);
          }
          rule.origin_request = read_origin_request(reader);
          reader.finish();
          const bool repeated = std::any_of(rules.begin(), rules.end(), [&](const auto& earlier) {
            return earlier.hostname == rule.hostname &&
                   (earlier.path.empty() || earlier.path == rule.path);
          });
          if (repeated) {
            reader.problem("hostname", "is never reached: an earlier rule takes all its requests");
          }
          rules.push_back(std::move(rule));
        });
    ingress_is_sound_ = problems_.size() == problems_before;
  }

  json::object read_origin_request(ObjectReader& owner) {
    const json::object& object = nested(owner, "originRequest");
    const Path path(owner.path(), "originRequest");
    ObjectReader reader(object, path, problems_);
    static_cast<void>(reader.boolean("noTLSVerify", false));
    static_cast<void>(reader.duration("connectTimeout", seconds{1}));
    static_cast<void>(reader.integer("keepAliveConnections", 100, 0, 10000));
    if (const auto name = reader.text("originServerName")) {
      if (auto problem = host_problem(*name, Wildcard::Refuse)) {
        reader.problem("originServerName", *problem);
      }
    }
    if (const auto host = reader.text("httpHostHeader"); host && !is_authority(*host)) {
      reader.problem("httpHostHeader", "must be a host name with or without a port");
    }
    if (const auto file = reader.text("caPool"); file && !file->starts_with('/')) {
      reader.problem("caPool", "must be an absolute path");
    }
    reader.finish(kUnsupportedOriginKeys);
    return object;
  }

  void read_applications() {
    const Path root;
    const Path section_path(root, "applications");
    for_each_object(section("applications"), section_path, problems_,
                    [&](std::size_t, const json::object& object, const Path& path) {
                      read_application(object, path);
                    });
  }

  void read_application(const json::object& object, const Path& path) {
    ObjectReader reader(object, path, problems_);
    model::Application application;
    std::tie(application.id, application.name) = applications_.add(reader, "application");
    application.audience = ascii_lower(reader.text_or("aud", ""));
    if (application.audience.empty()) {
      application.audience = hex_encode(crypto::sha256("aud:" + application.id));
    }
    if (!is_hex(application.audience, 64)) {
      reader.problem("aud", "must be 64 hex characters; left out, it is derived from the id");
    } else if (const auto [owner, is_new] =
                   audiences_.emplace(application.audience, application.id);
               !is_new && owner->second != application.id) {
      reader.problem("aud", "is already the `aud` of another application");
    }
    static constexpr std::array<std::string_view, 1> kTypes{"self_hosted"};
    static_cast<void>(reader.one_of("type", "self_hosted", kTypes));
    read_domains(reader, application);
    application.session_duration = reader.duration("session_duration", kShortestSession)
                                       .value_or(application.session_duration);
    const Path idps_path(path, "allowed_idps");
    for (const auto& [index, reference] : reader.texts("allowed_idps")) {
      if (auto id = providers_.find_id(reference)) {
        application.allowed_idps.push_back(*id);
      } else {
        problems_.add(Path(idps_path, index), providers_.unknown(reference));
      }
    }
    application.auto_redirect_to_identity = reader.boolean("auto_redirect_to_identity", false);
    static constexpr std::array<std::string_view, 3> kSameSite{"none", "lax", "strict"};
    application.same_site_cookie_attribute =
        reader.one_of("same_site_cookie_attribute", "none", kSameSite);
    application.http_only_cookie_attribute = reader.boolean("http_only_cookie_attribute", true);
    application.decision_headers = reader.boolean("decision_headers", false);
    NameTable names("policy of this application");
    std::vector<decision::CompiledRules> compiled;
    const Path policies_path(path, "policies");
    for_each_object(reader.list("policies"), policies_path, problems_,
                    [&](std::size_t, const json::object& policy, const Path& policy_path) {
                      read_policy(policy, policy_path, names, application, compiled);
                    });
    reader.finish(kUnsupportedApplicationKeys);
    result_.resources.applications.push_back(std::move(application));
    result_.policies.push_back(std::move(compiled));
  }

  void read_domains(ObjectReader& reader, model::Application& application) {
    const Path& path = reader.path();
    const auto add = [&](std::string_view text, const Path& at) {
      auto domain = canonical_domain(text);
      if (!domain) return problems_.add(at, domain.error());
      auto& domains = application.domains;
      if (std::find(domains.begin(), domains.end(), *domain) != domains.end()) return;
      const std::string_view host = host_of_domain(*domain);
      if (host == result_.resources.organization.auth_domain) {
        return problems_.add(at, "is the auth domain, which cannot also be an application");
      }
      // Paths that differ only in case would leave it to the origin which application it is.
      const auto [owner, is_new] = domain_owners_.emplace(ascii_lower(*domain), application.name);
      if (!is_new) {
        return problems_.add(at, fmt::format("`{}` is already a domain of application `{}`",
                                             *domain, owner->second));
      }
      if (!has_ingress(host)) {
        problems_.add(at, fmt::format("there is no ingress rule for host `{}`", host));
      }
      domains.push_back(std::move(*domain));
    };
    if (const auto domain = reader.text("domain")) add(*domain, Path(path, "domain"));
    const Path more_path(path, "self_hosted_domains");
    for (const auto& [index, text] : reader.texts("self_hosted_domains")) {
      add(text, Path(more_path, index));
    }
    const Path destinations_path(path, "destinations");
    for_each_object(reader.list("destinations"), destinations_path, problems_,
                    [&](std::size_t, const json::object& object, const Path& item) {
                      ObjectReader destination(object, item, problems_);
                      static constexpr std::array<std::string_view, 1> kTypes{"public"};
                      static_cast<void>(destination.one_of("type", "public", kTypes));
                      const std::string uri = destination.required_text("uri");
                      if (!uri.empty()) add(uri, Path(item, "uri"));
                      destination.finish();
                    });
    const auto is_absent = [&](std::string_view key) {
      const json::value* value = reader.value(key);
      return value == nullptr || (value->is_array() && value->get_array().empty());
    };
    if (is_absent("domain") && is_absent("self_hosted_domains") && is_absent("destinations")) {
      reader.problem("domain", "is required");
    }
  }

  // A last rule that only answers with a status leads nowhere.
  [[nodiscard]] bool has_ingress(std::string_view host) const {
    if (form_ == Form::Snapshot || !ingress_is_sound_) return true;
    const auto& rules = result_.resources.ingress;
    return std::any_of(rules.begin(), rules.end(), [&](const model::IngressRule& rule) {
      return rule.hostname.empty() ? !rule.service.starts_with("http_status:")
                                   : hosts_meet(rule.hostname, host);
    });
  }

  void read_policy(const json::object& object, const Path& path, NameTable& names,
                   model::Application& application,
                   std::vector<decision::CompiledRules>& compiled) {
    ObjectReader reader(object, path, problems_);
    model::Policy policy;
    std::tie(policy.id, policy.name) = names.add(reader, "policy", application.id + "/");
    std::string decision = reader.required_text("decision");
    if (decision == "block") decision = "deny";
    if (decision == "service_auth") decision = "non_identity";
    if (const auto action = model::parse_action(decision)) {
      policy.action = *action;
    } else if (!decision.empty()) {
      reader.problem("decision", "must be one of: allow, deny, bypass, non_identity");
    }
    RuleLists rules = read_rules(reader);
    policy.include = std::move(rules.include);
    policy.exclude = std::move(rules.exclude);
    policy.require = std::move(rules.require);
    policy.session_duration = reader.duration("session_duration", kShortestSession);
    reader.finish(kUnsupportedPolicyKeys);
    application.policies.push_back(std::move(policy));
    compiled.push_back(std::move(rules.compiled));
  }

  const json::object& document_;
  const Form form_;
  const decision::SelectorRegistry selectors_;
  Problems& problems_;
  ReadSections result_;
  std::vector<std::string_view> kind_names_;
  NameTable providers_{"identity provider"};
  NameTable integrations_{"device posture integration"};
  NameTable posture_rules_{"device posture rule"};
  NameTable service_tokens_{"service token"};
  NameTable groups_{"group"};
  NameTable applications_{"application"};
  std::unordered_map<std::string, std::string> client_ids_;     // to the token's id
  std::unordered_map<std::string, std::string> audiences_;      // to the application's id
  std::unordered_map<std::string, std::string> domain_owners_;  // in lower case, to its name
  bool ingress_is_sound_ = false;
};

}  // namespace

ReadSections read_sections(const json::object& document, Form form,
                           decision::SelectorRegistry selectors, Problems& problems) {
  return Reader(document, form, selectors, problems).read();
}

std::span<const std::string_view> section_keys(Form form) {
  static constexpr std::array<std::string_view, 8> kAuthored{"organization",
                                                             "identity_providers",
                                                             "device_posture_integrations",
                                                             "device_posture_rules",
                                                             "groups",
                                                             "service_tokens",
                                                             "applications",
                                                             "ingress"};
  static constexpr std::array<std::string_view, 6> kSnapshot{
      "organization", "identity_providers", "device_posture_rules",
      "groups",       "service_tokens",     "applications"};
  if (form == Form::Authored) return kAuthored;
  return kSnapshot;
}

}  // namespace gatehouse::policy
