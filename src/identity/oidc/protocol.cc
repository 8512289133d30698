#include "identity/oidc/protocol.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/encoding.h"
#include "base/ip.h"
#include "base/try.h"
#include "crypto/digest.h"
#include "model/identity.h"
#include "model/limits.h"

namespace gatehouse::identity {
namespace {

constexpr std::array kAlgorithms{
    jose::Algorithm::RS256, jose::Algorithm::PS256, jose::Algorithm::ES256,
    jose::Algorithm::EdDSA, jose::Algorithm::RS384, jose::Algorithm::RS512,
    jose::Algorithm::PS384, jose::Algorithm::PS512, jose::Algorithm::ES384,
};
constexpr std::size_t kMaxNameBytes = 256;
constexpr std::size_t kMaxErrorCharacters = 64;
// Of one claim that the configuration names: it becomes a part of the session.
constexpr std::size_t kMaxClaimBytes = 16 * 1024;
constexpr std::size_t kMaxClaimValues = 1000;
constexpr std::size_t kMaxClaimsChallengeBytes = 1024;  // it becomes a part of a URL

std::unexpected<IdentityError> misbehaved(std::string code, std::string message) {
  return std::unexpected(
      IdentityError{IdentityFailure::ProviderMisbehaved, std::move(code), std::move(message)});
}

std::unexpected<IdentityError> token_refused(std::string code, std::string message) {
  return std::unexpected(
      IdentityError{IdentityFailure::TokenRefused, std::move(code), std::move(message)});
}

std::unexpected<IdentityError> logout_refused(jose::JwtError error) {
  return token_refused(std::string(code_of(error)),
                       "the logout token is refused: " + std::string(jose::to_string(error)));
}

// Without a kid, a provider that has changed its key shows only as a bad signature.
bool is_key_unknown(const jose::CompactJws& token, jose::JwtError error) {
  return error == jose::JwtError::UnknownKey ||
         (error == jose::JwtError::BadSignature && token.kid().empty());
}

std::unexpected<IdentityError> incomplete(std::string code, std::string message) {
  return std::unexpected(
      IdentityError{IdentityFailure::IdentityIncomplete, std::move(code), std::move(message)});
}

// A whole document that must be one JSON object.
std::expected<json::object, IdentityError> parse_object(std::string_view text,
                                                        std::string_view what) {
  auto document = json::parse(text, {.max_bytes = model::kMaxProviderResponseBytes});
  if (!document)
    return misbehaved("malformed_response", std::string(what) + " is not acceptable JSON: " +
                                                std::string(json::to_string(document.error())));
  if (!document->is_object())
    return misbehaved("malformed_response", std::string(what) + " is not a JSON object");
  return std::move(document->get_object());
}

bool is_plain_text(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// Printable ASCII without space, quotes or backslash: what a URL that we send or show consists of.
bool is_url_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return c > 0x20 && c < 0x7f && c != '\\' && c != '"' && c != '<' && c != '>' && c != '`';
  });
}

// Core 1.0 3.1.3.7, 3 to 5, of a token whose `aud` contains the client.
bool is_authorized_party(const json::object& claims, const OidcConfig& config) {
  const auto* audience = json::find(claims, "aud");
  const bool several =
      audience != nullptr && audience->is_array() && audience->get_array().size() > 1;
  return json::find(claims, "azp") == nullptr
             ? !several
             : json::find_string(claims, "azp") == config.client_id;
}

enum class HostKind { Refused, Loopback, Other };

HostKind classify_address(const IpAddress& address) {
  static const auto in = [](const IpAddress& ip, std::string_view network) {
    return IpNetwork::parse(network)->contains(ip);
  };
  if (in(address, "127.0.0.0/8") || in(address, "::1/128")) return HostKind::Loopback;
  for (const std::string_view refused :
       {"0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/128", "fe80::/10", "ff00::/8"})
    if (in(address, refused)) return HostKind::Refused;
  return HostKind::Other;
}

HostKind classify_host(std::string_view host) {
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return HostKind::Refused;
    const auto address = IpAddress::parse(host.substr(1, host.size() - 2));
    return address ? classify_address(*address) : HostKind::Refused;
  }
  if (host.empty() || host.size() > model::kMaxHostBytes) return HostKind::Refused;
  if (host.ends_with('.')) host.remove_suffix(1);
  const bool is_name = std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
  if (!is_name || host.empty()) return HostKind::Refused;
  // A last label that begins with a digit makes other software read an IPv4 address in any of its
  // spellings (`2130706433`, `127.1`, `0x7f.1`); no top-level domain does.
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (!last.empty() && last.front() >= '0' && last.front() <= '9') {
    const auto address = IpAddress::parse(host);
    return address && address->is_v4() ? classify_address(*address) : HostKind::Refused;
  }
  const std::string folded = ascii_lower(host);
  if (folded == "localhost" || folded.ends_with(".localhost")) return HostKind::Loopback;
  return HostKind::Other;
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  unsigned port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port >= 1 && port <= 65535;
}

void append_parameter(std::string& to, std::string_view name, std::string_view value) {
  if (!to.empty() && to.back() != '?' && to.back() != '&') to += '&';
  to += name;
  to += '=';
  to += percent_encode(value);
}

// Left half of the hash that belongs to the signature algorithm: OpenID Connect Core 1.0 3.1.3.6.
// Ed25519 signs with SHA-512 inside, which is what providers use here.
std::string at_hash(std::string_view access_token, jose::Algorithm algorithm) {
  const EVP_MD* digest = EVP_sha256();
  switch (algorithm) {
    case jose::Algorithm::RS256:
    case jose::Algorithm::PS256:
    case jose::Algorithm::ES256:
      break;
    case jose::Algorithm::RS384:
    case jose::Algorithm::PS384:
    case jose::Algorithm::ES384:
      digest = EVP_sha384();
      break;
    case jose::Algorithm::RS512:
    case jose::Algorithm::PS512:
    case jose::Algorithm::EdDSA:
      digest = EVP_sha512();
      break;
  }
  std::string hash(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  GATEHOUSE_CHECK(
      EVP_Digest(access_token.data(), access_token.size(),
                 reinterpret_cast<unsigned char*>(hash.data()), &size, digest, nullptr) == 1,
      "SHA-2 of a string in memory cannot fail");
  return base64url_encode(std::string_view(hash).substr(0, size / 2));
}

std::unexpected<IdentityError> answered(std::string_view who, std::string_view error,
                                        std::string_view description) {
  IdentityError refused{IdentityFailure::Refused, sanitized_error(error), std::string(who)};
  refused.support_code = entra_code(description);
  refused.message += " answered `" + refused.code + "`";
  if (!refused.support_code.empty()) refused.message += " (" + refused.support_code + ")";
  return std::unexpected(std::move(refused));
}

// A request to the token endpoint with these parameters, authenticated as the configuration says.
net::OutboundRequest token_request(const OidcConfig& config, const ProviderMetadata& metadata,
                                   std::string parameters) {
  net::OutboundRequest request;
  request.method = "POST";
  request.url = metadata.token_endpoint;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"}};
  request.max_response_bytes = model::kMaxProviderResponseBytes;
  request.body = std::move(parameters);
  const bool basic =
      config.authentication == ClientAuthentication::Basic ||
      (config.authentication == ClientAuthentication::Discovered && metadata.basic_authentication);
  if (config.client_secret.empty()) {
    append_parameter(request.body, "client_id", config.client_id);
  } else if (basic) {
    // RFC 6749 2.3.1: both are form-encoded before they become user and password.
    request.basic_user = percent_encode(config.client_id);
    request.basic_password = Secret(percent_encode(config.client_secret.reveal()));
  } else {
    append_parameter(request.body, "client_id", config.client_id);
    append_parameter(request.body, "client_secret", config.client_secret.reveal());
  }
  return request;
}

// The claims challenge of a token response: one JSON object, in a text (Entra ID sends one where a
// stronger sign-in is needed).
std::string claims_challenge(const json::object& response) {
  const auto text = json::find_string(response, "claims").value_or("");
  if (text.empty() || text.size() > kMaxClaimsChallengeBytes) return {};
  const auto document = json::parse(text);
  return document && document->is_object() ? json::serialize(*document) : std::string();
}

// The claim from the ID token or else from userinfo; null counts as given.
const json::value* claim(const json::object& id_token, const json::object& userinfo,
                         std::string_view name) {
  const json::value* found = json::find(id_token, name);
  return found != nullptr ? found : json::find(userinfo, name);
}

std::vector<std::string> string_array(const json::value* value) {
  std::vector<std::string> strings;
  if (value == nullptr || !value->is_array()) return strings;
  for (const auto& member : value->get_array()) {
    if (!member.is_string()) return {};
    strings.emplace_back(member.get_string());
  }
  return strings;
}

// A claim as texts: nullopt when there is none that could be compared.
std::optional<std::string> text_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_int64()) return fmt::format("{}", value.get_int64());
  if (value.is_uint64()) return fmt::format("{}", value.get_uint64());
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return std::nullopt;
}

std::optional<std::vector<std::string>> texts_of(const json::value* value) {
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  const auto add = [&](const json::value& one) {
    auto text = text_of(one);
    if (!text) return false;
    bytes += text->size();
    texts.push_back(std::move(*text));
    return bytes <= kMaxClaimBytes && texts.size() <= kMaxClaimValues;
  };
  const bool usable =
      value->is_array() ? std::ranges::all_of(value->get_array(), add) : add(*value);
  if (!usable) return std::nullopt;
  return texts;
}

// Entra ID leaves the groups out, or sends a part, when there are too many for the token.
bool groups_stand_elsewhere(const json::object& claims) {
  const auto* names = json::find(claims, "_claim_names");
  if (names != nullptr && (!names->is_object() || json::find(names->get_object(), "groups")))
    return true;
  const auto* has_groups = json::find(claims, "hasgroups");
  return has_groups != nullptr && json::find_bool(claims, "hasgroups") != false &&
         json::find_string(claims, "hasgroups") != "false";
}

// ---- configuration

struct ConfigReader {
  const json::object& config;
  std::vector<FieldProblem> problems;

  void problem(std::string_view field, std::string message) {
    problems.push_back({std::string(field), std::move(message)});
  }
  std::string text(std::string_view field) {
    const auto* value = json::find(config, field);
    if (value == nullptr) return {};
    if (value->is_string() && is_plain_text(value->get_string()))
      return std::string(value->get_string());
    problem(field, "must be a string");
    return {};
  }
  bool flag(std::string_view field, bool otherwise) {
    const auto* value = json::find(config, field);
    if (value == nullptr) return otherwise;
    if (value->is_bool()) return value->get_bool();
    problem(field, "must be true or false");
    return otherwise;
  }
  std::vector<std::string> texts(std::string_view field) {
    const auto* value = json::find(config, field);
    if (value == nullptr) return {};
    auto strings = string_array(value);
    const auto is_word = [](const std::string& word) { return !word.empty() && is_url_text(word); };
    if (!value->is_array() || strings.size() != value->get_array().size() ||
        !std::ranges::all_of(strings, is_word)) {
      problem(field, "must be a list of words");
      return {};
    }
    return strings;
  }
  std::string url(std::string_view field, std::string_view issuer) {
    std::string value = text(field);
    if (!value.empty() && !is_provider_url(value, issuer)) {
      problem(field, "must be an https URL, or http on a loopback host with such an issuer");
      value.clear();
    }
    return value;
  }
};

OidcConfig read_fields(ConfigReader& reader) {
  constexpr std::array<std::string_view, 15> kFields{"issuer",
                                                     "client_id",
                                                     "scopes",
                                                     "auth_url",
                                                     "token_url",
                                                     "certs_url",
                                                     "claims",
                                                     "email_claim_name",
                                                     "pkce_enabled",
                                                     "prompt",
                                                     "allow_unverified_email",
                                                     "token_auth_method",
                                                     "leeway_seconds",
                                                     "id_token_algorithms",
                                                     "client_secret"};
  for (const auto& member : reader.config)
    if (std::ranges::find(kFields, std::string_view(member.key())) == kFields.end())
      reader.problem(member.key(), "is not a field of an oidc identity provider");

  OidcConfig config;
  config.issuer = reader.text("issuer");
  if (!is_provider_url(config.issuer) || config.issuer.find('?') != std::string::npos)
    reader.problem("issuer",
                   "is required: an https URL without a query, as the provider spells it");
  config.client_id = reader.text("client_id");
  if (config.client_id.empty()) reader.problem("client_id", "is required");
  config.auth_url = reader.url("auth_url", config.issuer);
  config.token_url = reader.url("token_url", config.issuer);
  config.certs_url = reader.url("certs_url", config.issuer);

  auto scopes = reader.texts("scopes");
  if (json::find(reader.config, "scopes") == nullptr) scopes = {"openid", "email", "profile"};
  if (std::ranges::find(scopes, "openid") == scopes.end())
    reader.problem("scopes", "must contain `openid`");
  for (const auto& scope : scopes) config.scope += (config.scope.empty() ? "" : " ") + scope;

  config.claims = reader.texts("claims");
  (void)reader.text("client_secret");  // travels apart from the rest: IdentityProvider
  if (json::find(reader.config, "email_claim_name") != nullptr) {
    config.email_claim = reader.text("email_claim_name");
    if (config.email_claim.empty()) reader.problem("email_claim_name", "must not be empty");
  }
  config.prompt = reader.text("prompt");
  config.pkce = reader.flag("pkce_enabled", true) ? Pkce::Enabled : Pkce::Disabled;
  config.unverified_email = reader.flag("allow_unverified_email", false) ? UnverifiedEmail::Accept
                                                                         : UnverifiedEmail::Refuse;
  const std::string method = reader.text("token_auth_method");
  if (method == "client_secret_basic")
    config.authentication = ClientAuthentication::Basic;
  else if (method == "client_secret_post")
    config.authentication = ClientAuthentication::Post;
  else if (!method.empty())
    reader.problem("token_auth_method", "must be client_secret_basic or client_secret_post");

  if (json::find(reader.config, "leeway_seconds") != nullptr) {
    const auto leeway = json::find_int(reader.config, "leeway_seconds");
    if (leeway && *leeway >= 0 && *leeway <= jose::kMaxLeeway.count())
      config.leeway = std::chrono::seconds(*leeway);
    else
      reader.problem("leeway_seconds", "must be a whole number from 0 to 300");
  }
  config.algorithms.assign(kAlgorithms.begin(), kAlgorithms.end());
  if (json::find(reader.config, "id_token_algorithms") != nullptr) {
    config.algorithms.clear();
    for (const auto& name : reader.texts("id_token_algorithms")) {
      if (const auto algorithm = jose::parse_algorithm(name))
        config.algorithms.push_back(*algorithm);
      else
        reader.problem("id_token_algorithms", "names an algorithm that is never accepted");
    }
    if (config.algorithms.empty()) reader.problem("id_token_algorithms", "must not be empty");
  }
  return config;
}

}  // namespace

std::vector<FieldProblem> validate_oidc_config(const json::object& config) {
  ConfigReader reader{config, {}};
  (void)read_fields(reader);
  return std::move(reader.problems);
}

std::expected<OidcConfig, IdentityError> read_oidc_config(const model::IdentityProvider& provider) {
  ConfigReader reader{provider.config, {}};
  OidcConfig config = read_fields(reader);
  if (!reader.problems.empty())
    return misbehaved("configuration_invalid",
                      "`" + reader.problems.front().field + "` " + reader.problems.front().message);
  config.client_secret = model::secret_of(provider.secrets, "client_secret");
  return config;
}

bool is_provider_url(std::string_view url, std::string_view issuer) {
  if (url.size() > kMaxProviderUrlBytes || !is_url_text(url)) return false;
  const bool secure = url.starts_with("https://");
  if (!secure && !url.starts_with("http://")) return false;
  std::string_view rest = url.substr(secure ? 8 : 7);
  if (rest.find('#') != std::string_view::npos) return false;
  std::string_view host = rest.substr(0, rest.find_first_of("/?"));
  if (host.find('@') != std::string_view::npos) return false;
  const auto colon = host.rfind(':');
  const auto bracket = host.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    if (!is_port(host.substr(colon + 1))) return false;
    host = host.substr(0, colon);
  }
  const HostKind kind = classify_host(host);
  if (kind == HostKind::Refused) return false;
  if (secure) return true;
  // Plain http only where a test provider lives, and never because a remote provider says so.
  return kind == HostKind::Loopback && (issuer.empty() || issuer.starts_with("http://"));
}

std::string discovery_url(std::string_view issuer) {
  if (issuer.ends_with('/')) issuer.remove_suffix(1);  // Discovery 1.0 4.1
  return std::string(issuer) + "/.well-known/openid-configuration";
}

std::optional<ProviderMetadata> configured_metadata(const OidcConfig& config) {
  if (config.auth_url.empty() || config.token_url.empty() || config.certs_url.empty())
    return std::nullopt;
  ProviderMetadata metadata;
  metadata.authorization_endpoint = config.auth_url;
  metadata.token_endpoint = config.token_url;
  metadata.jwks_uri = config.certs_url;
  return metadata;
}

std::expected<ProviderMetadata, IdentityError> parse_metadata(std::string_view document,
                                                              const OidcConfig& config) {
  const json::object object = GATEHOUSE_TRY(parse_object(document, "the discovery document"));
  // INVARIANT: the issuer is the configured one to the byte (Discovery 1.0 4.3); everything below
  // may therefore be taken as this provider's word about itself.
  if (json::find_string(object, "issuer") != config.issuer)
    return misbehaved("wrong_issuer", "the discovery document names another issuer");

  ProviderMetadata metadata;
  const auto endpoint = [&](std::string_view field, std::string_view configured,
                            std::string& to) -> bool {
    if (!configured.empty()) {
      to = configured;
      return true;
    }
    const auto url = json::find_string(object, field);
    if (!url || !is_provider_url(*url, config.issuer)) return false;
    to = *url;
    return true;
  };
  if (!endpoint("authorization_endpoint", config.auth_url, metadata.authorization_endpoint) ||
      !endpoint("token_endpoint", config.token_url, metadata.token_endpoint) ||
      !endpoint("jwks_uri", config.certs_url, metadata.jwks_uri) ||
      (json::find(object, "userinfo_endpoint") != nullptr &&
       !endpoint("userinfo_endpoint", {}, metadata.userinfo_endpoint)))
    return misbehaved("unusable_endpoint",
                      "the discovery document lacks an endpoint or names one that may not be used");

  // Signing out there is a courtesy: without a place that may be used, it is not offered.
  if (!endpoint("end_session_endpoint", {}, metadata.end_session_endpoint))
    metadata.end_session_endpoint.clear();

  constexpr std::string_view kIssParameter = "authorization_response_iss_parameter_supported";
  if (const auto* supported = json::find(object, kIssParameter)) {
    if (!supported->is_bool())
      return misbehaved("malformed_response",
                        "`" + std::string(kIssParameter) + "` is not true or false");
    metadata.iss_parameter_supported = supported->get_bool();
  }
  // Discovery 1.0 3: absent means client_secret_basic.
  if (const auto* methods = json::find(object, "token_endpoint_auth_methods_supported")) {
    const auto names = string_array(methods);
    metadata.basic_authentication =
        std::ranges::find(names, "client_secret_basic") != names.end() ||
        std::ranges::find(names, "client_secret_post") == names.end();
  }
  return metadata;
}

std::expected<jose::JwkSet, IdentityError> parse_jwks(std::string_view document) {
  const json::object object = GATEHOUSE_TRY(parse_object(document, "the key set"));
  auto keys = jose::JwkSet::parse(object);
  if (!keys)
    return misbehaved("unusable_keys",
                      "the key set is not usable: " + std::string(jose::to_string(keys.error())));
  return std::move(*keys);
}

std::string build_authorization_url(const OidcConfig& config, const ProviderMetadata& metadata,
                                    const SignInTransaction& transaction,
                                    std::string_view redirect_uri, std::string_view state,
                                    const SignInWish& wish) {
  GATEHOUSE_CHECK(!transaction.nonce.empty(), "every sign-in has its nonce");
  std::string url = metadata.authorization_endpoint;
  if (url.find('?') == std::string::npos) url += '?';
  append_parameter(url, "response_type", "code");
  append_parameter(url, "client_id", config.client_id);
  append_parameter(url, "redirect_uri", redirect_uri);
  append_parameter(url, "scope", config.scope);
  append_parameter(url, "state", state);
  append_parameter(url, "nonce", transaction.nonce);
  if (config.pkce == Pkce::Enabled) {
    GATEHOUSE_CHECK(!transaction.pkce_verifier.empty(), "a verifier is made for every sign-in");
    append_parameter(url, "code_challenge",
                     base64url_encode(crypto::sha256(transaction.pkce_verifier)));
    append_parameter(url, "code_challenge_method", "S256");
  }
  const auto& prompt = wish.prompt.empty() ? config.prompt : wish.prompt;
  if (!prompt.empty()) append_parameter(url, "prompt", prompt);
  if (!wish.login_hint.empty()) append_parameter(url, "login_hint", wish.login_hint);
  if (!wish.claims.empty()) append_parameter(url, "claims", wish.claims);
  return url;
}

std::string build_logout_url(const OidcConfig& config, const ProviderMetadata& metadata,
                             std::string_view return_to, std::string_view state) {
  GATEHOUSE_CHECK(!metadata.end_session_endpoint.empty(), "asked only where there is one");
  std::string url = metadata.end_session_endpoint;
  if (url.find('?') == std::string::npos) url += '?';
  append_parameter(url, "client_id", config.client_id);
  append_parameter(url, "post_logout_redirect_uri", return_to);
  append_parameter(url, "state", state);
  return url;
}

std::expected<std::string, IdentityError> check_callback(std::string_view query,
                                                         const OidcConfig& config,
                                                         const ProviderMetadata& metadata) {
  const auto mismatch = [](std::string code, std::string message) {
    return std::unexpected(
        IdentityError{IdentityFailure::StateMismatch, std::move(code), std::move(message)});
  };
  const auto parameters = query.size() <= model::kMaxUrlBytes ? net::parse_form(query)
                                                              : decltype(net::parse_form(query)){};
  if (!parameters) return mismatch("malformed_callback", "the callback's query cannot be read");

  std::optional<std::string_view> code, state, iss, error, description;
  for (const auto& [name, value] : *parameters) {
    auto* slot = name == "code"                ? &code
                 : name == "state"             ? &state
                 : name == "iss"               ? &iss
                 : name == "error"             ? &error
                 : name == "error_description" ? &description
                                               : nullptr;
    if (slot == nullptr) continue;
    // RFC 6749 3.1: parameters must not be included more than once.
    if (*slot) return mismatch("repeated_parameter", "the callback repeats `" + name + "`");
    *slot = value;
  }
  if (!state || state->empty()) return mismatch("missing_state", "the callback has no `state`");
  // RFC 9207 2.4: checked before anything else is believed, errors included.
  if (iss ? *iss != config.issuer : metadata.iss_parameter_supported)
    return mismatch("wrong_issuer", iss ? "the callback's `iss` is another issuer"
                                        : "the callback lacks `iss`, which this provider sends");
  if (error) return answered("the provider", *error, description.value_or(""));
  if (!code || code->empty()) return mismatch("missing_code", "the callback has no `code`");
  return std::string(*code);
}

net::OutboundRequest build_token_request(const OidcConfig& config, const ProviderMetadata& metadata,
                                         const SignInTransaction& transaction,
                                         std::string_view redirect_uri, std::string_view code) {
  std::string parameters;
  append_parameter(parameters, "grant_type", "authorization_code");
  append_parameter(parameters, "code", code);
  append_parameter(parameters, "redirect_uri", redirect_uri);
  if (config.pkce == Pkce::Enabled)
    append_parameter(parameters, "code_verifier", transaction.pkce_verifier);
  return token_request(config, metadata, std::move(parameters));
}

net::OutboundRequest build_refresh_request(const OidcConfig& config,
                                           const ProviderMetadata& metadata,
                                           const Secret& refresh_token) {
  std::string parameters;
  append_parameter(parameters, "grant_type", "refresh_token");
  append_parameter(parameters, "refresh_token", refresh_token.reveal());
  return token_request(config, metadata, std::move(parameters));
}

std::expected<TokenResponse, IdentityError> parse_token_response(const net::HttpResponse& response,
                                                                 IdToken id_token_wanted) {
  if (response.status != 200) {
    if (response.status >= 500 || response.status == 429)
      return std::unexpected(
          IdentityError{IdentityFailure::ProviderUnreachable, "token_endpoint_status",
                        "the token endpoint answered " + std::to_string(response.status)});
    // RFC 6749 5.2: the reason stands in an object's `error`.
    if (response.status == 400 || response.status == 401) {
      const auto object = parse_object(response.body, "the token response");
      if (const auto error = object ? json::find_string(*object, "error") : std::nullopt) {
        auto refused = answered("the token endpoint", *error,
                                json::find_string(*object, "error_description").value_or(""));
        refused.error().claims = claims_challenge(*object);
        return refused;
      }
    }
    return misbehaved("token_endpoint_status",
                      "the token endpoint answered " + std::to_string(response.status));
  }
  const json::object object = GATEHOUSE_TRY(parse_object(response.body, "the token response"));
  TokenResponse tokens;
  const auto id_token = json::find_string(object, "id_token");
  if (id_token_wanted == IdToken::Required && (!id_token || id_token->empty()))
    return misbehaved("missing_id_token", "the token response has no `id_token`");
  tokens.id_token = id_token.value_or("");
  tokens.refresh_token =
      Secret(std::string(json::find_string(object, "refresh_token").value_or("")));
  tokens.access_token = json::find_string(object, "access_token").value_or("");
  tokens.bearer = ascii_iequals(json::find_string(object, "token_type").value_or(""), "bearer") &&
                  !tokens.access_token.empty() && is_url_text(tokens.access_token);
  return tokens;
}

std::expected<json::object, IdTokenRefusal> verify_id_token(const TokenResponse& response,
                                                            const jose::JwkSet& keys,
                                                            const OidcConfig& config,
                                                            std::optional<std::string_view> nonce,
                                                            Instant now) {
  const auto refused = [](jose::JwtError error, bool key_unknown) {
    return std::unexpected(
        IdTokenRefusal{{IdentityFailure::TokenRefused, std::string(code_of(error)),
                        "the ID token is refused: " + std::string(jose::to_string(error))},
                       key_unknown});
  };
  const auto token = jose::CompactJws::parse(response.id_token, kMaxIdTokenBytes);
  if (!token) return refused(token.error(), false);
  jose::JwtExpectations expected;
  expected.algorithms = config.algorithms;
  expected.issuer = config.issuer;
  expected.audience = config.client_id;
  auto verified = jose::verify_jwt(*token, keys, expected, now, config.leeway);
  if (!verified) {
    return refused(verified.error(), is_key_unknown(*token, verified.error()));
  }
  if (auto checked = check_id_token_claims(verified->claims, verified->algorithm, config, nonce,
                                           response.access_token);
      !checked)
    return std::unexpected(IdTokenRefusal{std::move(checked).error(), false});
  return std::move(verified->claims);
}

std::expected<void, IdentityError> check_id_token_claims(const json::object& claims,
                                                         jose::Algorithm algorithm,
                                                         const OidcConfig& config,
                                                         std::optional<std::string_view> nonce,
                                                         std::string_view access_token) {
  const auto subject = json::find_string(claims, "sub");
  if (!subject || subject->empty() || subject->size() > kMaxSubjectBytes)
    return token_refused("missing_subject", "the ID token has no usable `sub`");

  // That `aud` contains the client is verified by verify_jwt.
  if (!is_authorized_party(claims, config))
    return token_refused("wrong_authorized_party",
                         "the ID token was not issued to this client alone");

  const auto token_nonce = json::find_string(claims, "nonce");
  if (nonce && (nonce->empty() || !token_nonce || !constant_time_equal(*token_nonce, *nonce)))
    return token_refused("wrong_nonce", "the ID token belongs to another sign-in");

  if (json::find(claims, "at_hash") != nullptr) {
    const auto hash = json::find_string(claims, "at_hash");
    if (access_token.empty() || !hash || *hash != at_hash(access_token, algorithm))
      return token_refused("wrong_at_hash", "the ID token belongs to another access token");
  }
  return {};
}

std::expected<LogoutNotice, IdTokenRefusal> verify_logout_token(std::string_view text,
                                                                const jose::JwkSet& keys,
                                                                const OidcConfig& config,
                                                                Instant now) {
  const auto refused = [](jose::JwtError error, bool key_unknown) {
    return std::unexpected(IdTokenRefusal{logout_refused(error).error(), key_unknown});
  };
  const auto token = jose::CompactJws::parse(text);
  if (!token) return refused(token.error(), false);
  // 2.4 recommends `logout+jwt`; the types of other tokens stay out.
  std::string type = ascii_lower(token->typ());
  if (constexpr std::string_view kPrefix = "application/"; type.starts_with(kPrefix))
    type.erase(0, kPrefix.size());
  if (!type.empty() && type != "jwt" && type != "logout+jwt")
    return refused(jose::JwtError::WrongType, false);
  const auto verified = jose::verify_jws(*token, keys, config.algorithms);
  if (!verified) return refused(verified.error(), is_key_unknown(*token, verified.error()));
  auto notice = check_logout_claims(verified->claims, config, now);
  if (!notice) return std::unexpected(IdTokenRefusal{std::move(notice).error(), false});
  return std::move(*notice);
}

std::expected<LogoutNotice, IdentityError> check_logout_claims(const json::object& claims,
                                                               const OidcConfig& config,
                                                               Instant now) {
  using enum jose::JwtError;
  // 2.6, 3: issuer, audience and times as in an ID token; `exp` may be absent, `iat` may not.
  const auto issuer = json::find_string(claims, "iss");
  if (!issuer) return logout_refused(MissingClaim);
  if (*issuer != config.issuer) return logout_refused(WrongIssuer);
  const auto* audience = json::find(claims, "aud");
  auto audiences = string_array(audience);
  if (const auto one = json::find_string(claims, "aud")) audiences.emplace_back(*one);
  if (audiences.empty()) return logout_refused(MissingClaim);
  if (std::ranges::find(audiences, config.client_id) == audiences.end())
    return logout_refused(WrongAudience);
  if (!is_authorized_party(claims, config))
    return token_refused("wrong_authorized_party",
                         "the logout token was not issued to this client alone");

  // Counted on `now`: a claim may be any number, and sums with it could overflow.
  const std::int64_t latest = to_epoch_seconds(now + config.leeway);
  const auto issued = json::find_int(claims, "iat");
  if (!issued) return logout_refused(MissingClaim);
  if (*issued > latest) return logout_refused(NotYetValid);
  if (*issued < to_epoch_seconds(now - config.leeway - kMaxLogoutTokenAge))
    return logout_refused(Expired);
  if (json::find(claims, "exp") != nullptr) {
    const auto expires = json::find_int(claims, "exp");
    if (!expires) return logout_refused(MissingClaim);
    if (*expires <= to_epoch_seconds(now - config.leeway)) return logout_refused(Expired);
  }
  if (json::find(claims, "nbf") != nullptr) {
    const auto not_before = json::find_int(claims, "nbf");
    if (!not_before) return logout_refused(MissingClaim);
    if (*not_before > latest) return logout_refused(NotYetValid);
  }

  // 2.4: one event, an object. With others the token would be about something else as well.
  constexpr std::string_view kEvent = "http://schemas.openid.net/event/backchannel-logout";
  const auto* events = json::find_object(claims, "events");
  if (events == nullptr || events->size() != 1 || json::find_object(*events, kEvent) == nullptr)
    return token_refused("wrong_event", "`events` of the token is not that of a logout token");
  // 2.4: so that a logout token is never taken for an ID token, nor the other way round.
  if (json::find(claims, "nonce") != nullptr)
    return token_refused("wrong_nonce", "a logout token has no `nonce`");

  const auto token_id = json::find_string(claims, "jti");
  if (!token_id || token_id->empty() || token_id->size() > kMaxLogoutTokenIdBytes)
    return token_refused("missing_token_id", "the logout token has no usable `jti`");
  if (json::find(claims, "sid") != nullptr && !json::find_string(claims, "sid"))
    return token_refused("malformed_session", "`sid` of the logout token is not a string");
  const auto subject = json::find_string(claims, "sub");
  if (!subject || subject->empty() || subject->size() > kMaxSubjectBytes)
    return token_refused("missing_subject",
                         "the logout token has no usable `sub`; a `sid` alone is not enough");
  LogoutNotice notice;
  notice.subject = *subject;
  notice.token_id = *token_id;
  notice.accepted_until =
      from_epoch_seconds(*issued) + kMaxLogoutTokenAge + config.leeway + std::chrono::seconds{1};
  return notice;
}

std::expected<json::object, IdentityError> parse_userinfo(const net::HttpResponse& response,
                                                          std::string_view subject) {
  if (response.status >= 500 || response.status == 429)
    return std::unexpected(IdentityError{IdentityFailure::ProviderUnreachable, "userinfo_status",
                                         "userinfo answered " + std::to_string(response.status)});
  if (response.status != 200)
    return incomplete("userinfo_status", "userinfo answered " + std::to_string(response.status));
  json::object object = GATEHOUSE_TRY(parse_object(response.body, "the userinfo response"));
  // Core 1.0 5.3.2: otherwise the answer is about somebody else.
  if (json::find_string(object, "sub") != subject)
    return misbehaved("wrong_subject", "userinfo answered about another subject");
  return object;
}

bool is_complete(const json::object& claims, const OidcConfig& config) {
  return json::find(claims, config.email_claim) != nullptr &&
         std::ranges::all_of(config.claims,
                             [&](const auto& name) { return json::find(claims, name) != nullptr; });
}

std::expected<ProviderIdentity, IdentityError> identity_from_claims(const json::object& id_token,
                                                                    const json::object& userinfo,
                                                                    const OidcConfig& config) {
  ProviderIdentity identity;
  identity.subject = json::find_string(id_token, "sub").value_or("");

  const auto* email = claim(id_token, userinfo, config.email_claim);
  if (email == nullptr)
    return incomplete("missing_email", "the provider gives no `" + config.email_claim + "`");
  auto canonical = email->is_string() ? model::canonical_email(email->get_string()) : std::nullopt;
  if (!canonical)
    return incomplete("unusable_email", "`" + config.email_claim + "` is not an e-mail address");
  identity.email = std::move(*canonical);

  // Absent is accepted: several providers (Entra ID among them) never send it. Some send text.
  for (const auto* source : {&id_token, &userinfo}) {
    const auto* verified = json::find(*source, "email_verified");
    if (verified == nullptr || config.unverified_email == UnverifiedEmail::Accept) continue;
    if (json::find_bool(*source, "email_verified") != true &&
        json::find_string(*source, "email_verified") != "true")
      return incomplete("unverified_email", "the provider has not verified the e-mail address");
  }

  if (const auto* name = claim(id_token, userinfo, "name");
      name != nullptr && name->is_string() && name->get_string().size() <= kMaxNameBytes &&
      is_plain_text(name->get_string()))
    identity.name = name->get_string();
  const auto* groups = claim(id_token, userinfo, "groups");
  identity.groups = string_array(groups);
  identity.groups_known = groups != nullptr && groups->is_array() &&
                          identity.groups.size() == groups->get_array().size() &&
                          !groups_stand_elsewhere(id_token) && !groups_stand_elsewhere(userinfo);
  identity.amr = string_array(json::find(id_token, "amr"));
  // Entra ID sends a list, or one text.
  if (const auto context = json::find_string(id_token, "acrs"))
    identity.auth_contexts.emplace_back(*context);
  else
    identity.auth_contexts = string_array(json::find(id_token, "acrs"));
  for (const auto& name : config.claims)
    if (auto values = texts_of(claim(id_token, userinfo, name)))
      identity.claims[name] = std::move(*values);
  return identity;
}

std::string sanitized_error(std::string_view error) {
  const bool known_form =
      !error.empty() && error.size() <= kMaxErrorCharacters &&
      std::ranges::all_of(error, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return known_form ? std::string(error) : "unrecognized_error";
}

std::string entra_code(std::string_view description) {
  constexpr std::string_view kPrefix = "AADSTS";
  const auto at = description.find(kPrefix);
  if (at == std::string_view::npos) return {};
  const std::string_view digits = description.substr(at + kPrefix.size(), 8);
  std::size_t count = 0;
  while (count < digits.size() && digits[count] >= '0' && digits[count] <= '9') ++count;
  return count == 0 ? std::string() : std::string(kPrefix) + std::string(digits.substr(0, count));
}

std::string_view code_of(jose::JwtError error) {
  switch (error) {
    case jose::JwtError::TooLarge:
      return "too_large";
    case jose::JwtError::Malformed:
      return "malformed";
    case jose::JwtError::UnsupportedAlgorithm:
      return "unsupported_algorithm";
    case jose::JwtError::CriticalHeader:
      return "critical_header";
    case jose::JwtError::UnknownKey:
      return "unknown_key";
    case jose::JwtError::BadSignature:
      return "bad_signature";
    case jose::JwtError::MissingClaim:
      return "missing_claim";
    case jose::JwtError::WrongIssuer:
      return "wrong_issuer";
    case jose::JwtError::WrongAudience:
      return "wrong_audience";
    case jose::JwtError::WrongType:
      return "wrong_type";
    case jose::JwtError::Expired:
      return "expired";
    case jose::JwtError::NotYetValid:
      return "not_yet_valid";
  }
  return "malformed";
}

}  // namespace gatehouse::identity
