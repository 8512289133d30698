#include "policy/resource_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/encoding.h"
#include "base/ip.h"
#include "base/time.h"
#include "crypto/client_certificates.h"
#include "crypto/digest.h"
#include "jose/jwk.h"
#include "model/identity.h"
#include "model/limits.h"
#include "policy/fields.h"
#include "policy/nearest.h"
#include "policy/syntax.h"
#include "policy/type_names.h"

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
constexpr std::size_t kMaxPromptBytes = 500;
constexpr std::size_t kMaxDenyMessageBytes = 500;
constexpr std::size_t kMaxPageBytes = std::size_t{256} * 1024;
constexpr std::size_t kMaxPemBytes = std::size_t{16} * 1024 * 1024;
constexpr std::size_t kMaxSerialDigits = 64;  // RFC 5280 4.1.2.2 has 40
constexpr std::int64_t kMaxPrecedence = std::numeric_limits<std::int32_t>::max();
constexpr std::string_view kAlphabetHex = "0123456789abcdef";

bool is_hex(std::string_view text, std::size_t length) {
  return text.size() == length && text.find_first_not_of(kAlphabetHex) == std::string_view::npos;
}

// The ids and names of one kind of resource, by position.
class NameTable {
 public:
  explicit NameTable(std::string_view noun) : noun_(noun) {}

  // Reads `id_key` and `name`, derives an absent id from kind, scope and name, and takes the next
  // position.
  std::pair<std::string, std::string> add(ObjectReader& reader, std::string_view kind,
                                          std::string_view scope = {},
                                          std::string_view id_key = "id",
                                          std::string_view fallback_name = {}) {
    const std::uint32_t position = static_cast<std::uint32_t>(ids_.size());
    std::string name(fallback_name);
    if (name.empty() || reader.value("name") != nullptr) {
      name = reader.required_text("name", Numbers::Accept);
    }
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
    std::string id = ascii_lower(reader.text_or(id_key, ""));
    const bool is_derived = id.empty();
    if (is_derived) id = uuid_v5(kind, fmt::format("{}{}", scope, name));
    if (!is_uuid(id)) {
      reader.problem(id_key, "must be a UUID; left out, it is derived from the name");
    } else if (!by_id_.emplace(id, position).second && (is_named || !is_derived)) {
      reader.problem(id_key, fmt::format("`{}` is already the id of another {}", id, noun_));
    }
    ids_.push_back(id);
    return {std::move(id), std::move(name)};
  }
  // What stands elsewhere and is named here; answers what is wrong with that.
  std::optional<std::string> add_known(const std::string& id, const std::string& name) {
    const std::uint32_t position = static_cast<std::uint32_t>(ids_.size());
    ids_.push_back(id);
    if (!by_id_.emplace(id, position).second) {
      return fmt::format("`{}` is already a {}", name, noun_);
    }
    if (!by_name_.emplace(name, position).second) {
      return fmt::format("`{}` is already the name of another {}", name, noun_);
    }
    return std::nullopt;
  }
  void add_unreadable() { ids_.emplace_back(); }
  // Of resources that are sound.
  void know(const std::string& id, const std::string& name) {
    const std::uint32_t position = static_cast<std::uint32_t>(ids_.size());
    ids_.push_back(id);
    by_id_.emplace(id, position);
    by_name_.emplace(name, position);
  }

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

constexpr std::array<ReferenceField, 7> kReferenceFields{{
    {"group", "id", Reference::Group},
    {"device_posture", "integration_uid", Reference::PostureRule},
    {"login_method", "id", Reference::LoginMethod},
    {"service_token", "token_id", Reference::ServiceToken},
    {"email_list", "id", Reference::EmailList},
    {"ip_list", "id", Reference::IpList},
    {"", "identity_provider_id", Reference::LoginMethod},
}};

struct RuleLists {
  std::vector<model::Selector> include;
  std::vector<model::Selector> exclude;
  std::vector<model::Selector> require;
  decision::CompiledRules compiled;
};

constexpr std::array<UnsupportedKey, 1> kUnsupportedPolicyKeys{{
    {"precedence", "it is said where an application names the policy"},
}};
constexpr std::array<UnsupportedKey, 1> kUnsupportedCertificateKeys{{
    {"fingerprint", "it follows from the certificate"},
}};
// What the gateway itself, or the way a request is framed, depends on.
constexpr std::array<std::string_view, 5> kReservedHeaders{"connection", "content-length", "cookie",
                                                           "host", "transfer-encoding"};
constexpr std::array<std::string_view, 9> kMethods{"GET",     "POST",    "HEAD",  "PUT",  "DELETE",
                                                   "CONNECT", "OPTIONS", "TRACE", "PATCH"};
constexpr std::array<UnsupportedKey, 1> kUnsupportedTokenKeys{{
    {"client_secret", "write `client_secret_hash`, the hex SHA-256 of the secret"},
}};
constexpr std::array<UnsupportedKey, 5> kUnsupportedTaniumKeys{{
    {"eid_last_seen", "write `max_checkin_age`"},
    {"operator", "write `max_checkin_age`"},
    {"risk_level", "write `vulnerability_operator` and `vulnerability_score`"},
    {"scoreOperator", "write `vulnerability_operator`"},
    {"total_score", "write `vulnerability_score`"},
}};
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
         Problems& problems, Secrets secrets = Secrets::Omit,
         const Surroundings* surroundings = nullptr)
      : document_(document),
        form_(form),
        selectors_(selectors),
        problems_(problems),
        secrets_(secrets),
        surroundings_(surroundings) {
    for (const decision::SelectorKind& kind : selectors_) kind_names_.push_back(kind.name);
  }

  ReadSections read() {
    read_custom_pages();
    read_organization();
    read_identity_providers();
    if (form_ == Form::Authored) read_integrations();
    read_posture_rules();
    read_lists();
    read_service_tokens();
    read_groups();
    read_mtls_certificates();
    if (form_ == Form::Authored) {
      read_tags();
      read_bookmarks();
      read_reusable_policies();
      read_ingress();
    }
    read_applications();
    return std::move(result_);
  }

  ReadSections read_additions(model::Resources rest,
                              std::span<const std::size_t> known_applications) {
    result_.resources = std::move(rest);
    const model::Resources& known = result_.resources;
    const auto know = [](const auto& resources, NameTable& table) {
      for (const auto& resource : resources) table.know(resource.id, resource.name);
    };
    know(known.identity_providers, providers_);
    know(known.posture_integrations, integrations_);
    know(known.posture_rules, posture_rules_);
    know(known.certificates, mtls_certificates_);
    know(known.lists, lists_);
    know(known.groups, groups_);
    know(known.custom_pages, pages_);
    know(known.service_tokens, service_tokens_);
    know(known.bookmarks, bookmarks_);
    know(known.policies, reusable_policies_);
    for (const model::ServiceToken& token : known.service_tokens) {
      client_ids_.emplace(token.client_id, token.id);
    }
    for (const model::Tag& tag : known.tags) tags_.insert(tag.name);
    for (const std::size_t index : known_applications) {
      const model::Application& application = known.applications[index];
      applications_.know(application.id, application.name);
      audiences_.emplace(application.audience, application.id);
      for (const std::string& domain : application.domains) {
        domain_owners_.emplace(ascii_lower(domain), application.name);
        static_cast<void>(claim_host(host_of_domain(domain), application));
      }
    }
    ingress_is_sound_ = true;
    read_custom_pages();
    if (document_.contains("organization")) {
      result_.resources.organization = {};
      read_organization();
    }
    read_identity_providers();
    read_integrations();
    read_posture_rules();
    read_lists();
    read_service_tokens();
    read_groups();
    read_mtls_certificates();
    read_tags();
    read_bookmarks();
    read_reusable_policies();
    read_applications();
    return std::move(result_);
  }

  ReadSections read_change() {
    result_.resources.organization.auth_domain = surroundings_->auth_domain;
    read_identity_providers();
    read_posture_rules();
    read_lists();
    read_service_tokens();
    read_groups();
    read_applications();
    return std::move(result_);
  }

  // decision::CompileContext
  std::optional<std::uint32_t> find_group(std::string_view id) const override {
    if (surroundings_ != nullptr) return surroundings_->references.find_group(id);
    return groups_.find(id);
  }
  std::optional<std::uint32_t> find_posture_rule(std::string_view id) const override {
    if (surroundings_ != nullptr) return surroundings_->references.find_posture_rule(id);
    return posture_rules_.find(id);
  }
  std::optional<std::string> find_login_method(std::string_view id) const override {
    if (surroundings_ != nullptr) return surroundings_->references.find_login_method(id);
    return providers_.find_id(id);
  }
  std::optional<std::string> find_service_token(std::string_view id) const override {
    const auto known = service_tokens_.find_id(id);
    if (known || surroundings_ == nullptr) return known;
    return surroundings_->references.find_service_token(id);
  }
  // The lists of a change keep their places in the snapshot.
  std::optional<std::uint32_t> find_list(std::string_view id, model::ListType type) const override {
    if (surroundings_ != nullptr) return surroundings_->references.find_list(id, type);
    const auto position = lists_.find(id);
    if (!position || result_.resources.lists[*position].type != type) return std::nullopt;
    return position;
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

  // What has no effect, which a snapshot does not have.
  void keep(ObjectReader& reader, std::span<const Field> fields, json::object& kept) {
    if (form_ == Form::Authored) read_fields(reader, fields, problems_, kept);
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
    if (organization.name.size() > kMaxNameBytes)
      reader.problem("name", fmt::format("must have at most {} bytes", kMaxNameBytes));
    organization.node_state_max_age = reader.duration("node_state_max_age", kShortestNodeStateAge)
                                          .value_or(organization.node_state_max_age);
    const Path pages_path(path, "custom_pages");
    ObjectReader pages(nested(reader, "custom_pages"), pages_path, problems_);
    organization.forbidden_page = read_page(pages, model::CustomPageType::Forbidden);
    organization.identity_denied_page = read_page(pages, model::CustomPageType::IdentityDenied);
    pages.finish();
    if (form_ == Form::Snapshot) {
      if (const json::object* design = reader.object("login_design")) {
        organization.kept["login_design"] = *design;
      }
    }
    if (form_ == Form::Authored) {
      organization.session_duration = reader.duration("session_duration", kShortestSession)
                                          .value_or(organization.session_duration);
      keep(reader, kept_organization_fields(), organization.kept);
    } else {
      result_.issuer = reader.required_text("issuer");
      if (!result_.issuer.empty()) {
        if (auto problem = url_problem(result_.issuer)) reader.problem("issuer", *problem);
      }
    }
    reader.finish();
  }

  // The id of the page of that type that is named under the type's name.
  std::string read_page(ObjectReader& reader, model::CustomPageType type) {
    const std::string_view key = name_of(kCustomPageTypes, type);
    const auto reference = reader.text(key);
    if (!reference) return {};
    const auto position = pages_.find(*reference);
    if (!position) {
      reader.problem(key, pages_.unknown(*reference));
      return {};
    }
    const model::CustomPage& page = result_.resources.custom_pages[*position];
    if (page.type != type) {
      reader.problem(key, fmt::format("`{}` is a page of type `{}`", *reference,
                                      name_of(kCustomPageTypes, page.type)));
    }
    return page.id;
  }

  void read_custom_pages() {
    const Path root;
    const Path section_path(root, "custom_pages");
    for_each_object(section("custom_pages"), section_path, problems_,
                    [&](std::size_t, const json::object& object, const Path& path) {
                      ObjectReader reader(object, path, problems_);
                      model::CustomPage page;
                      const bool has_uid = reader.value("uid") != nullptr;
                      if (has_uid && reader.value("id") != nullptr) {
                        reader.problem("uid", "must not stand beside `id`");
                      }
                      std::tie(page.id, page.name) =
                          pages_.add(reader, "custom_page", "", has_uid ? "uid" : "id");
                      page.type = read_type<model::CustomPageType>(reader, kCustomPageTypes);
                      page.custom_html = required_lines(reader, "custom_html", kMaxPageBytes);
                      keep(reader, kept_page_fields(), page.kept);
                      reader.finish();
                      result_.resources.custom_pages.push_back(std::move(page));
                    });
  }

  // Required, one of the names of the enumerators.
  template <typename Type, std::size_t N>
  static Type read_type(ObjectReader& reader, const std::array<std::string_view, N>& names) {
    if (reader.value("type") == nullptr) reader.problem("type", "is required");
    const std::string name = reader.one_of("type", names.front(), names);
    return static_cast<Type>(std::find(names.begin(), names.end(), name) - names.begin());
  }

  static std::string read_type(ObjectReader& reader, std::span<const std::string_view> names) {
    if (reader.value("type") == nullptr) reader.problem("type", "is required");
    return reader.one_of("type", "", names);
  }

  static std::string required_lines(ObjectReader& reader, std::string_view key, std::size_t most) {
    if (reader.value(key) == nullptr) {
      reader.problem(key, "is required");
      return {};
    }
    const auto text = reader.lines(key, most);
    if (text && text->empty()) reader.problem(key, "must not be empty");
    return text.value_or("");
  }

  void read_lists() {
    const Path root;
    const Path section_path(root, "lists");
    for_each_object(section("lists"), section_path, problems_,
                    [&](std::size_t, const json::object& object, const Path& path) {
                      ObjectReader reader(object, path, problems_);
                      model::List list;
                      std::tie(list.id, list.name) = lists_.add(reader, "list");
                      list.type = read_type<model::ListType>(reader, kListTypes);
                      read_items(reader, list);
                      keep(reader, kept_list_fields(), list.kept);
                      reader.finish();
                      result_.resources.lists.push_back(std::move(list));
                    });
  }

  void read_items(ObjectReader& owner, model::List& list) {
    const json::array* items = owner.list("items");
    if (items == nullptr) return;
    const Path items_path(owner.path(), "items");
    list.items.reserve(items->size());
    for (std::size_t i = 0; i < items->size(); ++i) {
      const Path path(items_path, i);
      if (const auto* text = (*items)[i].if_string()) {
        add_item(*text, path, list);
      } else if (const json::object* object = (*items)[i].if_object()) {
        ObjectReader reader(*object, path, problems_);
        const std::string value = reader.required_text("value");
        json::object kept;
        keep(reader, kept_list_item_fields(), kept);
        reader.finish();
        if (!value.empty()) add_item(value, Path(path, "value"), list);
        if (!kept.empty()) list.kept_items[value] = std::move(kept);
      } else {
        problems_.add(path, "must be text, or an object with a `value`");
      }
    }
  }

  void add_item(std::string_view text, const Path& path, model::List& list) {
    if (list.type == model::ListType::Email && !model::canonical_email(text)) {
      problems_.add(path, "must be an email address such as `alice@example.com`");
    } else if (list.type == model::ListType::Ip && !IpNetwork::parse(text)) {
      problems_.add(path,
                    "must be an address or a network such as `192.0.2.0/24`, with no bits set "
                    "beyond its prefix");
    } else {
      list.items.emplace_back(text);
    }
  }

  void read_mtls_certificates() {
    const Path root;
    const Path section_path(root, "mtls_certificates");
    for_each_object(
        section("mtls_certificates"), section_path, problems_,
        [&](std::size_t, const json::object& object, const Path& path) {
          ObjectReader reader(object, path, problems_);
          model::MtlsCertificate certificate;
          std::tie(certificate.id, certificate.name) =
              mtls_certificates_.add(reader, "mtls_certificate");
          certificate.certificate = required_lines(reader, "certificate", kMaxPemBytes);
          certificate.crl = reader.lines("crl", kMaxPemBytes).value_or("");
          certificate.revoked_serials = read_serials(reader);
          certificate.associated_hostnames = read_hosts(reader, "associated_hostnames");
          if (!certificate.certificate.empty()) {
            const auto sound = crypto::ClientCertificates::check(
                {certificate.certificate, certificate.crl, certificate.revoked_serials});
            if (!sound) reader.problem(sound.error().field, sound.error().message);
          }
          keep(reader, kept_certificate_fields(), certificate.kept);
          reader.finish(kUnsupportedCertificateKeys);
          result_.resources.certificates.push_back(std::move(certificate));
        });
  }

  // Serial numbers as OpenSSL prints them, with or without colons.
  std::vector<std::string> read_serials(ObjectReader& owner) {
    constexpr std::string_view kKey = "revoked_serial_numbers";
    std::vector<std::string> serials;
    const json::array* list = owner.list(kKey);
    if (list == nullptr) return serials;
    const Path path(owner.path(), kKey);
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto* text = (*list)[i].if_string();
      std::string serial = text == nullptr ? std::string() : ascii_lower(*text);
      std::erase(serial, ':');
      if (serial.empty() || serial.size() > kMaxSerialDigits || !is_hex(serial, serial.size())) {
        problems_.add(Path(path, i), "must be a serial number in hex, in quotes");
      } else {
        serials.push_back(std::move(serial));
      }
    }
    return serials;
  }

  std::vector<std::string> read_hosts(ObjectReader& owner, std::string_view key) {
    std::vector<std::string> hosts;
    const Path path(owner.path(), key);
    for (const auto& [index, text] : owner.texts(key)) {
      std::string host = ascii_lower(text);
      if (auto problem = host_problem(host, Wildcard::Allow)) {
        problems_.add(Path(path, index), *problem);
      } else if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) {
        hosts.push_back(std::move(host));
      }
    }
    return hosts;
  }

  void read_identity_providers() {
    const auto& known = result_.resources.identity_providers;
    bool has_pin = std::any_of(known.begin(), known.end(),
                               [](const auto& provider) { return provider.type == "onetimepin"; });
    const Path root;
    const Path section_path(root, "identity_providers");
    for_each_object(section("identity_providers"), section_path, problems_,
                    [&](std::size_t, const json::object& object, const Path& path) {
                      ObjectReader reader(object, path, problems_);
                      model::IdentityProvider provider;
                      std::tie(provider.id, provider.name) =
                          providers_.add(reader, "identity_provider");
                      provider.type = read_type(reader, provider_types());
                      if (provider.type == "onetimepin" && std::exchange(has_pin, true)) {
                        reader.problem("type", "is already used: one `onetimepin` is enough");
                      }
                      if (form_ == Form::Authored) read_provider_config(reader, provider);
                      keep(reader, kept_provider_fields(), provider.kept);
                      reader.finish();
                      result_.resources.identity_providers.push_back(std::move(provider));
                    });
  }

  void read_provider_config(ObjectReader& reader, model::IdentityProvider& provider) {
    const json::object& config = nested(reader, "config");
    const Path path(reader.path(), "config");
    ObjectReader inner(config, path, problems_);
    if (provider.type.empty()) return;  // has been reported
    if (provider.type != "oidc") {
      read_fields(inner, provider_config_fields(provider.type), problems_, provider.config,
                  &provider.secrets, secrets_);
      return inner.finish();
    }
    // RFC 9207 and OpenID Connect Core 1.0 3.1.3.7: who issued a token is compared with what is
    // known beforehand, so that one provider cannot speak for another.
    const bool has_issuer = inner.value("issuer") != nullptr;
    if (!has_issuer) {
      inner.problem("issuer",
                    "is required: ID tokens count only from an issuer that is known beforehand; "
                    "write the one that the provider states (the Access API has no such field)");
    }
    const std::string issuer = has_issuer ? inner.required_text("issuer") : "";
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
    constexpr std::string_view kSecret = "client_secret";
    const auto secret = inner.text(kSecret, Numbers::Accept);
    if (secret && !secret->empty()) provider.secrets.emplace(kSecret, *secret);
    provider.config = config;
    provider.config.erase(kSecret);
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
                      integration.type = read_type(reader, integration_types());
                      read_integration_config(reader, integration);
                      keep(reader, kept_integration_fields(), integration.kept);
                      if (!integration.type.empty() && !can_check_devices(integration) &&
                          reader.value("interval") == nullptr) {
                        reader.problem("interval", "is required");
                      }
                      reader.finish();
                      result_.resources.posture_integrations.push_back(std::move(integration));
                    });
  }

  void read_integration_config(ObjectReader& owner, model::PostureIntegration& integration) {
    const json::object& source = nested(owner, "config");
    const Path path(owner.path(), "config");
    ObjectReader reader(source, path, problems_);
    if (integration.type.empty()) return;  // has been reported
    if (!can_check_devices(integration)) {
      read_fields(reader, integration_config_fields(integration.type), problems_,
                  integration.config, &integration.secrets, secrets_);
      return reader.finish();
    }
    const std::int64_t port = reader.integer("port", 17472, 1, 65535);
    read_public_certificate(reader);
    integration.config = source;
    integration.config["port"] = port;
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
          rule.type = read_type(reader, posture_rule_types());
          read_posture_input(reader, rule);
          rule.expiration = reader.duration("expiration", seconds{1}).value_or(rule.expiration);
          keep(reader, kept_posture_rule_fields(), rule.kept);
          reader.finish();
          result_.resources.posture_rules.push_back(std::move(rule));
        });
  }

  void read_posture_input(ObjectReader& owner, model::PostureRule& rule) {
    if (rule.type.empty()) {  // has been reported
      owner.known({"input"});
      return;
    }
    const bool is_checked = can_be_checked(rule);
    if (!is_checked && form_ == Form::Snapshot) return;
    const json::object& source = nested(owner, "input");
    const Path path(owner.path(), "input");
    ObjectReader input(source, path, problems_);
    if (!is_checked) {
      read_fields(input, posture_rule_input_fields(rule.type), problems_, rule.input);
      if (auto connection = json::find_string(rule.input, "connection_id")) {
        rule.input["connection_id"] = find_connection(input, std::string(*connection), rule.type);
      }
      return input.finish();
    }
    std::string connection = input.required_text("connection_id");
    if (!connection.empty()) connection = find_connection(input, connection, rule.type);
    const bool managed = input.boolean("managed", true);
    const auto checkin_age =
        input.duration("max_checkin_age", seconds{1}).value_or(kDefaultCheckinAge);
    rule.input = {{"connection_id", connection},
                  {"managed", managed},
                  {"max_checkin_age", format_duration(checkin_age)}};
    static constexpr std::array<std::string_view, 1> kPatchStatus{"compliant"};
    const std::string patch_status = input.one_of("patch_status", "", kPatchStatus);
    if (!patch_status.empty()) rule.input["patch_status"] = patch_status;
    read_vulnerability_limit(input, rule.input);
    input.finish(kUnsupportedTaniumKeys);
  }

  // The id of the integration of that type which `connection_id` names; itself when there is none,
  // which has been reported.
  std::string find_connection(ObjectReader& input, const std::string& reference,
                              std::string_view type) {
    if (form_ == Form::Snapshot) return reference;
    const auto position = integrations_.find(reference);
    if (!position) {
      input.problem("connection_id", integrations_.unknown(reference));
      return reference;
    }
    const model::PostureIntegration& integration =
        result_.resources.posture_integrations[*position];
    if (!integration.type.empty() && integration.type != type) {
      input.problem("connection_id",
                    fmt::format("`{}` is an integration of type `{}`; this rule needs one of its "
                                "own type",
                                reference, integration.type));
    }
    return integration.id;
  }

  static void read_vulnerability_limit(ObjectReader& input, json::object& into) {
    const auto comparison = input.text("vulnerability_operator");
    if (comparison && !decision::parse_comparison(*comparison)) {
      input.problem("vulnerability_operator", "must be one of: <, <=, ==, >=, >");
    }
    static_cast<void>(input.number("vulnerability_score"));
    const json::value* limit = input.value("vulnerability_score");
    if ((limit != nullptr) != (input.value("vulnerability_operator") != nullptr)) {
      input.problem(
          limit == nullptr ? "vulnerability_score" : "vulnerability_operator",
          "is required: `vulnerability_operator` and `vulnerability_score` belong together");
    } else if (limit != nullptr && comparison) {
      into["vulnerability_operator"] = *comparison;
      into["vulnerability_score"] = *limit;
    }
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
          token.expires_at = read_time(reader, "expires_at");
          token.enabled = reader.boolean("enabled", true);
          read_previous_secret(reader, token);
          if (form_ == Form::Authored) read_token_duration(reader, token);
          keep(reader, kept_service_token_fields(), token.kept);
          reader.finish(kUnsupportedTokenKeys);
          result_.resources.service_tokens.push_back(std::move(token));
        });
  }

  static std::optional<Instant> read_time(ObjectReader& reader, std::string_view key) {
    const auto text = reader.text(key);
    if (!text) return std::nullopt;
    const auto instant = parse_rfc3339(*text);
    if (!instant) reader.problem(key, "must be a time such as `2030-01-31T00:00:00Z`");
    return instant;
  }

  static void read_previous_secret(ObjectReader& reader, model::ServiceToken& token) {
    constexpr std::string_view kHash = "previous_client_secret_hash";
    constexpr std::string_view kEnd = "previous_client_secret_expires_at";
    token.previous_client_secret_hash = ascii_lower(reader.text_or(kHash, ""));
    token.previous_client_secret_expires_at = read_time(reader, kEnd);
    if (token.previous_client_secret_hash.empty()) return;
    if (!is_hex(token.previous_client_secret_hash, 64)) {
      reader.problem(kHash, "must be the SHA-256 of the secret as 64 hex characters");
    }
    if (reader.value(kEnd) == nullptr) {
      reader.problem(kEnd, fmt::format("is required beside `{}`", kHash));
    }
  }

  // INVARIANT: a life that is said also ends: nothing counts from a moment that is not known here.
  static void read_token_duration(ObjectReader& reader, model::ServiceToken& token) {
    constexpr std::string_view kKey = "duration";
    constexpr std::string_view kForever = "forever";
    token.duration = reader.text_or(kKey, "");
    if (token.duration.empty()) return;
    if (token.duration != kForever) {
      if (!reader.duration(kKey, seconds{1})) return;
      if (reader.value("expires_at") == nullptr) {
        reader.problem("expires_at",
                       "is required beside a `duration`, which says for how long a "
                       "refresh extends it");
      }
    } else if (token.expires_at) {
      reader.problem(kKey, "must not be `forever` beside an `expires_at`");
    }
  }

  void read_tags() {
    const Path root;
    const Path section_path(root, "tags");
    for_each_object(
        section("tags"), section_path, problems_,
        [&](std::size_t, const json::object& object, const Path& path) {
          ObjectReader reader(object, path, problems_);
          model::Tag tag{reader.required_text("name", Numbers::Accept)};
          if (tag.name.size() > kMaxNameBytes) {
            reader.problem("name", fmt::format("must have at most {} bytes", kMaxNameBytes));
          } else if (!tag.name.empty() && !tags_.insert(tag.name).second) {
            reader.problem("name",
                           fmt::format("`{}` is already the name of another tag", tag.name));
          }
          reader.finish();
          result_.resources.tags.push_back(std::move(tag));
        });
  }

  void read_bookmarks() {
    const Path root;
    const Path section_path(root, "bookmarks");
    for_each_object(section("bookmarks"), section_path, problems_,
                    [&](std::size_t, const json::object& object, const Path& path) {
                      ObjectReader reader(object, path, problems_);
                      model::Bookmark bookmark;
                      std::tie(bookmark.id, bookmark.name) =
                          bookmarks_.add(reader, "bookmark", "", "id",
                                         json::find_string(object, "domain").value_or(""));
                      keep(reader, kept_bookmark_fields(), bookmark.kept);
                      reader.finish();
                      result_.resources.bookmarks.push_back(std::move(bookmark));
                    });
  }

  void read_groups() {
    const json::array* list = section("groups");
    if (list == nullptr) return;
    const Path root;
    const Path section_path(root, "groups");
    // Groups may name later ones: their names first, then their rules.
    std::vector<model::Group>& groups = result_.resources.groups;
    const std::size_t first = groups.size();  // those before it are known and sound
    groups.resize(first + list->size());
    result_.groups.resize(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
      const Path path(section_path, i);
      const json::object* object = (*list)[i].if_object();
      if (object == nullptr) {
        groups_.add_unreadable();
        continue;
      }
      ObjectReader reader(*object, path, problems_);
      std::tie(groups[first + i].id, groups[first + i].name) = groups_.add(reader, "group");
    }
    for_each_object(list, section_path, problems_,
                    [&](std::size_t i, const json::object& object, const Path& path) {
                      ObjectReader reader(object, path, problems_);
                      reader.known({"id", "name"});
                      RuleLists rules = read_rules(reader);
                      model::Group& group = groups[first + i];
                      keep(reader, kept_group_fields(), group.kept);
                      reader.finish();
                      group.include = std::move(rules.include);
                      group.exclude = std::move(rules.exclude);
                      group.require = std::move(rules.require);
                      result_.groups[i] = std::move(rules.compiled);
                    });
    check_nesting(groups, first, section_path);
  }

  // INVARIANT: after this, following groups within groups ends, within kMaxGroupDepth steps.
  // Those before `first` do not stand in the section.
  void check_nesting(const std::vector<model::Group>& groups, std::size_t first,
                     const Path& section_path) {
    const auto report = [&](std::size_t group, std::string message) {
      problems_.add(group < first ? section_path : Path(section_path, group - first),
                    std::move(message));
    };
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
            report(group, fmt::format("nests groups more than {} deep", model::kMaxGroupDepth));
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
          report(group, fmt::format("groups contain each other: {}{}", cycle, groups[child].name));
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
      const auto id = resolve(entry.reference, *reference);
      if (!id) {
        problems_.add(Path(path, entry.field), table_of(entry.reference).unknown(*reference));
        return false;
      }
      const auto list_type = list_type_of(entry.reference);
      if (list_type && !find_list(*id, *list_type)) {
        problems_.add(Path(path, entry.field),
                      fmt::format("`{}` is not a list of type {}", *reference,
                                  name_of(kListTypes, *list_type)));
        return false;
      }
      selector.value[entry.field] = *id;
    }
    return true;
  }

  // The id of what is named; in a change everything is named by its id.
  std::optional<std::string> resolve(Reference reference, std::string_view name) const {
    if (surroundings_ == nullptr) return table_of(reference).find_id(name);
    bool known = false;
    switch (reference) {
      case Reference::Group:
        known = find_group(name).has_value();
        break;
      case Reference::PostureRule:
        known = find_posture_rule(name).has_value();
        break;
      case Reference::EmailList:
      case Reference::IpList:
        known = find_list(name, *list_type_of(reference)).has_value();
        break;
      case Reference::LoginMethod:
        return find_login_method(name);
      case Reference::ServiceToken:
        return find_service_token(name);
    }
    return known ? std::optional(std::string(name)) : std::nullopt;
  }

  const NameTable& table_of(Reference reference) const {
    switch (reference) {
      case Reference::Group:
        return groups_;
      case Reference::PostureRule:
        return posture_rules_;
      case Reference::LoginMethod:
        return providers_;
      case Reference::EmailList:
      case Reference::IpList:
        return lists_;
      case Reference::ServiceToken:
        break;
    }
    return service_tokens_;
  }

  static std::optional<model::ListType> list_type_of(Reference reference) {
    if (reference == Reference::EmailList) return model::ListType::Email;
    if (reference == Reference::IpList) return model::ListType::Ip;
    return std::nullopt;
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
    static_cast<void>(reader.boolean("http2Origin", false));
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
    application.type = reader.value("type") == nullptr
                           ? model::ApplicationType::SelfHosted
                           : read_type<model::ApplicationType>(reader, kApplicationTypes);
    std::tie(application.id, application.name) =
        applications_.add(reader, "application", "", "id", first_domain(object));
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
    if (is_protected(application)) {
      read_settings(reader, application);
    } else if (form_ == Form::Snapshot) {
      reader.problem("type", "must not be bookmark: nothing is decided for it");
    } else {
      keep(reader, kept_bookmark_fields(), application.kept);
    }
    if (form_ == Form::Authored) read_application_tags(reader, application);
    read_policies(reader, application);
    reader.finish();
    result_.resources.applications.push_back(std::move(application));
  }

  // What an application is called that has no name.
  static std::string first_domain(const json::object& object) {
    std::string_view text = json::find_string(object, "domain").value_or("");
    if (const json::array* more = json::find_array(object, "self_hosted_domains");
        text.empty() && more != nullptr && !more->empty() && more->front().is_string()) {
      text = more->front().get_string();
    }
    if (const json::array* more = json::find_array(object, "destinations");
        text.empty() && more != nullptr && !more->empty() && more->front().is_object()) {
      text = json::find_string(more->front().get_object(), "uri").value_or("");
    }
    return canonical_domain(text).value_or(std::string());
  }

  void read_application_tags(ObjectReader& reader, model::Application& application) {
    const Path path(reader.path(), "tags");
    for (auto& [index, name] : reader.texts("tags")) {
      if (tags_.contains(name)) {
        if (std::find(application.tags.begin(), application.tags.end(), name) ==
            application.tags.end()) {
          application.tags.push_back(name);
        }
        continue;
      }
      const std::vector<std::string_view> names(tags_.begin(), tags_.end());
      problems_.add(Path(path, index),
                    fmt::format("there is no tag `{}`{}", name, suggestion(name, names)));
    }
  }

  void read_settings(ObjectReader& reader, model::Application& application) {
    const Path& path = reader.path();
    read_domains(reader, application);
    application.session_duration = reader.duration("session_duration", kShortestSession)
                                       .value_or(application.session_duration);
    const Path idps_path(path, "allowed_idps");
    for (const auto& [index, reference] : reader.texts("allowed_idps")) {
      if (auto id = find_login_method(reference)) {
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
    application.path_cookie_attribute = reader.boolean("path_cookie_attribute", false);
    application.enable_binding_cookie = reader.boolean("enable_binding_cookie", false);
    application.decision_headers = reader.boolean("decision_headers", false);
    read_cors(reader, application);
    if (application.type == model::ApplicationType::Dashboard) {
      constexpr std::string_view kWhy = "must not be set: no other site may call the dashboard";
      if (application.cors_headers) reader.problem("cors_headers", std::string(kWhy));
      if (application.options_preflight_bypass) {
        reader.problem("options_preflight_bypass", std::string(kWhy));
      }
    }
    application.custom_deny_message =
        reader.lines("custom_deny_message", kMaxDenyMessageBytes).value_or("");
    application.custom_deny_url = read_url(reader, "custom_deny_url");
    application.custom_non_identity_deny_url = read_url(reader, "custom_non_identity_deny_url");
    read_page_choices(reader, application);
    application.service_auth_401_redirect = reader.boolean("service_auth_401_redirect", false);
    application.skip_interstitial = reader.boolean("skip_interstitial", false);
    read_token_header(reader, application);
    keep(reader, kept_launcher_fields(), application.kept);
    keep(reader, kept_application_fields(), application.kept);
  }

  void read_cors(ObjectReader& owner, model::Application& application) {
    application.options_preflight_bypass = owner.boolean("options_preflight_bypass", false);
    const json::object* object = owner.object("cors_headers");
    if (object == nullptr) return;
    if (application.options_preflight_bypass) {
      owner.problem("options_preflight_bypass",
                    "must not stand beside `cors_headers`: one lets the application answer "
                    "preflights, the other the gateway");
    }
    const Path path(owner.path(), "cors_headers");
    ObjectReader reader(*object, path, problems_);
    model::CorsHeaders cors;
    cors.allow_all_headers = reader.boolean("allow_all_headers", false);
    cors.allow_all_methods = reader.boolean("allow_all_methods", false);
    cors.allow_all_origins = reader.boolean("allow_all_origins", false);
    cors.allow_credentials = reader.boolean("allow_credentials", false);
    if (cors.allow_all_origins && cors.allow_credentials) {
      reader.problem("allow_credentials",
                     "must not stand beside `allow_all_origins`: every web site could then act "
                     "and read as the person who is signed in; name the origins in "
                     "`allowed_origins`");
    }
    const auto each = [&](std::string_view key, auto check, std::vector<std::string>& into) {
      const Path list_path(path, key);
      for (const auto& [index, text] : reader.texts(key)) {
        std::expected<std::string, std::string> checked = check(text);
        if (checked) {
          into.push_back(std::move(*checked));
        } else {
          problems_.add(Path(list_path, index), std::move(checked.error()));
        }
      }
    };
    using Checked = std::expected<std::string, std::string>;
    each(
        "allowed_headers",
        [](const std::string& name) -> Checked {
          if (is_token(name) && name != "*") return name;
          return std::unexpected("must be the name of a header; for all write `allow_all_headers`");
        },
        cors.allowed_headers);
    each(
        "allowed_methods",
        [](const std::string& method) -> Checked {
          if (std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end()) return method;
          return std::unexpected(fmt::format("must be one of: {}", fmt::join(kMethods, ", ")));
        },
        cors.allowed_methods);
    each("allowed_origins", canonical_origin, cors.allowed_origins);
    if (reader.value("max_age") != nullptr) cors.max_age = reader.integer("max_age", -1, -1, 86400);
    reader.finish();
    application.cors_headers = std::move(cors);
  }

  static std::string read_url(ObjectReader& reader, std::string_view key) {
    std::string url = reader.text_or(key, "");
    if (!url.empty()) {
      if (auto problem = url_problem(url)) reader.problem(key, *problem);
    }
    return url;
  }

  void read_page_choices(ObjectReader& reader, model::Application& application) {
    std::array<bool, kCustomPageTypes.size()> chosen{};
    const Path path(reader.path(), "custom_pages");
    for (const auto& [index, reference] : reader.texts("custom_pages")) {
      const auto page = find_page(reference);
      if (!page) {
        problems_.add(Path(path, index), pages_.unknown(reference));
        continue;
      }
      const auto& [id, type] = *page;
      if (std::exchange(chosen[static_cast<std::size_t>(type)], true)) {
        problems_.add(Path(path, index), fmt::format("`{}` is a second page of type `{}`",
                                                     reference, name_of(kCustomPageTypes, type)));
      }
      (is_shown(type) ? application.custom_pages : application.inert_custom_pages).push_back(id);
    }
  }

  [[nodiscard]] std::optional<std::pair<std::string, model::CustomPageType>> find_page(
      const std::string& reference) const {
    if (surroundings_ != nullptr) {
      const auto type = surroundings_->page_type(reference);
      if (!type) return std::nullopt;
      return std::pair(reference, *type);
    }
    const auto position = pages_.find(reference);
    if (!position) return std::nullopt;
    const model::CustomPage& page = result_.resources.custom_pages[*position];
    return std::pair(page.id, page.type);
  }

  static void read_token_header(ObjectReader& reader, model::Application& application) {
    constexpr std::string_view kKey = "read_service_tokens_from_header";
    std::string& name = application.read_service_tokens_from_header;
    name = ascii_lower(reader.text_or(kKey, ""));
    if (name.empty()) return;
    std::string spelling = name;  // as servers that take `_` for `-` read it
    std::replace(spelling.begin(), spelling.end(), '_', '-');
    if (!is_token(name)) {
      reader.problem(kKey, "must be the name of a header such as `authorization`");
    } else if (std::find(kReservedHeaders.begin(), kReservedHeaders.end(), spelling) !=
                   kReservedHeaders.end() ||
               spelling.starts_with("cf-access-")) {
      reader.problem(kKey, fmt::format("must not be `{}`, which has a meaning of its own", name));
    }
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
      const bool is_dashboard = application.type == model::ApplicationType::Dashboard;
      if (const auto problem = claim_host(host, application)) return problems_.add(at, *problem);
      if (is_dashboard) {
        if (*domain != host || host.starts_with('*')) {
          return problems_.add(at,
                               "must be a whole host such as `dash.example.com`: the dashboard "
                               "has it to itself");
        }
        if (has_ingress_of_its_own(host)) {
          problems_.add(at, fmt::format("`{}` must not have an ingress rule: the gateway itself "
                                        "answers for the dashboard",
                                        host));
        }
      } else if (!has_ingress(host)) {
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
    json::array destinations;
    for_each_object(reader.list("destinations"), destinations_path, problems_,
                    [&](std::size_t, const json::object& object, const Path& item) {
                      ObjectReader destination(object, item, problems_);
                      static constexpr std::array<std::string_view, 1> kTypes{"public"};
                      static_cast<void>(destination.one_of("type", "public", kTypes));
                      const std::string uri = destination.required_text("uri");
                      if (!uri.empty()) add(uri, Path(item, "uri"));
                      json::object kept{{"type", "public"}, {"uri", uri}};
                      keep(destination, kept_destination_fields(), kept);
                      destination.finish();
                      destinations.push_back(std::move(kept));
                    });
    if (!destinations.empty()) application.kept["destinations"] = std::move(destinations);
    const auto is_absent = [&](std::string_view key) {
      const json::value* value = reader.value(key);
      return value == nullptr || (value->is_array() && value->get_array().empty());
    };
    if (is_absent("domain") && is_absent("self_hosted_domains") && is_absent("destinations")) {
      reader.problem("domain", "is required");
    }
  }

  // A dashboard shares its host with no other application.
  [[nodiscard]] std::optional<std::string> claim_host(std::string_view host,
                                                      const model::Application& application) {
    const HostOwner mine{application.id, application.name,
                         application.type == model::ApplicationType::Dashboard};
    const auto [owner, is_new] = host_owners_.emplace(host, mine);
    const HostOwner& other = owner->second;
    if (is_new || other.id == mine.id || !(other.is_dashboard || mine.is_dashboard)) {
      return std::nullopt;
    }
    return fmt::format("`{}` is a host of application `{}`; a dashboard has its host to itself",
                       host, other.name);
  }

  [[nodiscard]] bool has_ingress_of_its_own(std::string_view host) const {
    const auto& rules = result_.resources.ingress;
    return std::any_of(rules.begin(), rules.end(),
                       [&](const model::IngressRule& rule) { return rule.hostname == host; });
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

  struct HostOwner {
    std::string id;
    std::string name;
    bool is_dashboard = false;
  };
  struct ReadPolicy {
    model::Policy policy;
    decision::CompiledRules compiled;
    std::optional<std::int64_t> precedence;
  };

  void read_reusable_policies() {
    const Path root;
    const Path section_path(root, "policies");
    for_each_object(section("policies"), section_path, problems_,
                    [&](std::size_t, const json::object& object, const Path& path) {
                      ObjectReader reader(object, path, problems_);
                      if (!reader.boolean("reusable", true)) {
                        reader.problem("reusable",
                                       "must be true: other policies stand in their application");
                      }
                      ReadPolicy read = read_policy(reader, reusable_policies_, "");
                      read.policy.reusable = true;
                      result_.resources.policies.push_back(std::move(read.policy));
                    });
  }

  // In the order of the list or, when its members have one, of their precedence.
  void read_policies(ObjectReader& owner, model::Application& application) {
    NameTable names("policy of this application");
    std::vector<ReadPolicy> policies;
    if (const json::array* list = owner.list("policies")) {
      const Path list_path(owner.path(), "policies");
      policies.reserve(list->size());
      for (std::size_t i = 0; i < list->size(); ++i) {
        const Path path(list_path, i);
        auto policy = read_application_policy((*list)[i], path, names, application.id);
        if (policy) policies.push_back(std::move(*policy));
      }
      check_precedences(*list, list_path, policies);
    }
    std::stable_sort(policies.begin(), policies.end(),
                     [](const auto& a, const auto& b) { return a.precedence < b.precedence; });
    std::vector<decision::CompiledRules> compiled;
    for (ReadPolicy& read : policies) {
      application.policies.push_back(std::move(read.policy));
      if (form_ == Form::Snapshot) compiled.push_back(std::move(read.compiled));
    }
    if (form_ == Form::Snapshot) result_.policies.push_back(std::move(compiled));
  }

  // A policy of the application's own, or a reusable one: its id or name, or an object with nothing
  // but its id and a precedence. nullopt when that leads nowhere, which has been reported.
  std::optional<ReadPolicy> read_application_policy(const json::value& item, const Path& path,
                                                    NameTable& names,
                                                    const std::string& application_id) {
    if (const auto* reference = item.if_string()) return find_reusable(*reference, path, names);
    const json::object* object = item.if_object();
    if (object == nullptr) {
      problems_.add(path, "must be a policy, or the id or name of a reusable one");
      return std::nullopt;
    }
    ObjectReader reader(*object, path, problems_);
    std::optional<std::int64_t> precedence;
    if (form_ == Form::Authored && reader.value("precedence") != nullptr) {
      precedence = reader.integer("precedence", 0, 0, kMaxPrecedence);
    }
    const bool is_link = std::all_of(object->begin(), object->end(), [](const auto& member) {
      return member.key() == "id" || member.key() == "precedence" || member.key() == "account_id";
    });
    std::optional<ReadPolicy> read;
    if (is_link && !object->empty()) {
      const std::string reference = reader.required_text("id");
      if (!reference.empty()) read = find_reusable(reference, Path(path, "id"), names);
    } else {
      if (reader.boolean("reusable", false)) {
        reader.problem("reusable",
                       "must be false: a reusable policy stands in `policies` of the whole file; "
                       "name it here");
      }
      read = read_policy(reader, names, application_id + "/");
      if (reusable_policies_.find_id(read->policy.id)) {
        reader.problem("id",
                       fmt::format("`{}` is already the id of a reusable policy", read->policy.id));
      }
    }
    if (read) {
      read->precedence = precedence;
      read->policy.precedence = precedence;
    }
    return read;
  }

  std::optional<ReadPolicy> find_reusable(std::string_view reference, const Path& path,
                                          NameTable& names) {
    const auto position = reusable_policies_.find(reference);
    if (!position) {
      problems_.add(path, reusable_policies_.unknown(reference));
      return std::nullopt;
    }
    const model::Policy& policy = result_.resources.policies[*position];
    if (auto problem = names.add_known(policy.id, policy.name)) problems_.add(path, *problem);
    return ReadPolicy{policy, {}, std::nullopt};
  }

  // `policies` are those of the list, unless something has been reported.
  void check_precedences(const json::array& list, const Path& list_path,
                         const std::vector<ReadPolicy>& policies) {
    const auto has_precedence = [](const ReadPolicy& read) { return read.precedence.has_value(); };
    if (policies.size() != list.size() ||
        std::none_of(policies.begin(), policies.end(), has_precedence)) {
      return;
    }
    std::set<std::int64_t> taken;
    for (std::size_t i = 0; i < policies.size(); ++i) {
      const Path path(list_path, i);
      if (!policies[i].precedence) {
        problems_.add(path, "must have a `precedence`, since another policy of the list has one");
      } else if (!taken.insert(*policies[i].precedence).second) {
        problems_.add(Path(path, "precedence"), fmt::format("`{}` is already the precedence of "
                                                            "another policy",
                                                            *policies[i].precedence));
      }
    }
  }

  // `scope` is what a derived id is unique in.
  ReadPolicy read_policy(ObjectReader& reader, NameTable& names, std::string_view scope) {
    ReadPolicy read;
    model::Policy& policy = read.policy;
    std::tie(policy.id, policy.name) = names.add(reader, "policy", scope);
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
    policy.purpose_justification_required = reader.boolean("purpose_justification_required", false);
    policy.purpose_justification_prompt =
        reader.lines("purpose_justification_prompt", kMaxPromptBytes).value_or("");
    if (reader.value("dashboard_role") != nullptr) {
      const std::string role = reader.one_of("dashboard_role", kDashboardRoles[1], kDashboardRoles);
      policy.dashboard_role = static_cast<model::DashboardRole>(
          std::find(kDashboardRoles.begin(), kDashboardRoles.end(), role) -
          kDashboardRoles.begin());
      if (policy.action != model::Action::Allow) {
        reader.problem("dashboard_role", "must stand in a policy whose `decision` is allow");
      }
    }
    keep(reader, kept_policy_fields(), policy.kept);
    reader.finish(kUnsupportedPolicyKeys);
    read.compiled = std::move(rules.compiled);
    return read;
  }

  const json::object& document_;
  const Form form_;
  const decision::SelectorRegistry selectors_;
  Problems& problems_;
  const Secrets secrets_;
  const Surroundings* surroundings_;  // of a change; else null
  ReadSections result_;
  std::vector<std::string_view> kind_names_;
  NameTable providers_{"identity provider"};
  NameTable integrations_{"device posture integration"};
  NameTable posture_rules_{"device posture rule"};
  NameTable service_tokens_{"service token"};
  NameTable lists_{"list"};
  NameTable groups_{"group"};
  NameTable mtls_certificates_{"mTLS certificate"};
  NameTable pages_{"custom page"};
  std::set<std::string, std::less<>> tags_;
  NameTable bookmarks_{"bookmark"};
  NameTable reusable_policies_{"reusable policy"};
  NameTable applications_{"application"};
  std::unordered_map<std::string, std::string> client_ids_;     // to the token's id
  std::unordered_map<std::string, std::string> audiences_;      // to the application's id
  std::unordered_map<std::string, std::string> domain_owners_;  // in lower case, to its name
  std::unordered_map<std::string, HostOwner> host_owners_;      // the first application there
  bool ingress_is_sound_ = false;
};

}  // namespace

ReadSections read_sections(const json::object& document, Form form,
                           decision::SelectorRegistry selectors, Problems& problems,
                           Secrets secrets) {
  return Reader(document, form, selectors, problems, secrets).read();
}

ReadSections read_additions(model::Resources rest, std::span<const std::size_t> known_applications,
                            const json::object& document, decision::SelectorRegistry selectors,
                            Problems& problems) {
  return Reader(document, Form::Authored, selectors, problems, Secrets::Include)
      .read_additions(std::move(rest), known_applications);
}

std::span<const ReferenceField> reference_fields() { return kReferenceFields; }

ReadSections read_change_sections(const json::object& document, const Surroundings& surroundings,
                                  decision::SelectorRegistry selectors, Problems& problems) {
  return Reader(document, Form::Snapshot, selectors, problems, Secrets::Omit, &surroundings)
      .read_change();
}

std::span<const std::string_view> section_keys(Form form) {
  static constexpr std::array<std::string_view, 14> kAuthored{"organization",
                                                              "identity_providers",
                                                              "device_posture_integrations",
                                                              "device_posture_rules",
                                                              "lists",
                                                              "groups",
                                                              "service_tokens",
                                                              "mtls_certificates",
                                                              "custom_pages",
                                                              "tags",
                                                              "bookmarks",
                                                              "policies",
                                                              "applications",
                                                              "ingress"};
  static constexpr std::array<std::string_view, 9> kSnapshot{
      "organization",   "identity_providers", "device_posture_rules", "lists",       "groups",
      "service_tokens", "mtls_certificates",  "custom_pages",         "applications"};
  if (form == Form::Authored) return kAuthored;
  return kSnapshot;
}

}  // namespace gatehouse::policy
