#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <numeric>

#include "jose/jwt.h"
#include "posture/tanium/tanium.h"

namespace gatehouse::posture {
namespace {

using Problems = std::vector<FieldProblem>;

constexpr std::size_t kMaxKeys = 16;         // roll-over needs two; a fleet of agents a few more
constexpr std::size_t kMaxCandidates = 8;    // each costs the visitor a timeout
constexpr std::size_t kMaxTextBytes = 1024;  // paths, pointers, names
constexpr std::chrono::seconds kMaxAgeWithoutNonce{60};
constexpr std::chrono::seconds kMaxMaxAge{3600};

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (left[i - 1] != right[j - 1])});
      diagonal = above;
    }
  }
  return row.back();
}

std::string list_of(std::initializer_list<std::string_view> allowed) {
  std::string text;
  for (const std::string_view one : allowed) {
    text += fmt::format("{}`{}`", text.empty() ? "" : ", ", one);
  }
  return text;
}

// What the format knows and this product does not do.
struct Unsupported {
  std::string_view value;
  std::string_view message;
};

// One object of the configuration. Each accessor names the member it knows; what nobody named is
// refused at the end.
class Section {
 public:
  Section(const json::object* object, std::string prefix, Problems& problems)
      : object_(object), prefix_(std::move(prefix)), problems_(problems) {}

  void problem(std::string_view key, std::string message) {
    problems_.push_back({prefix_ + std::string(key), std::move(message)});
  }

  const json::value* take(std::string_view key) {
    known_.push_back(key);
    const json::value* found = object_ ? json::find(*object_, key) : nullptr;
    return found && !found->is_null() ? found : nullptr;
  }

  Section child(std::string_view key) {
    const json::value* found = take(key);
    const json::object* object = found ? found->if_object() : nullptr;
    if (found && !object) problem(key, "must be an object");
    return {object, fmt::format("{}{}.", prefix_, key), problems_};
  }

  // Whether `out` was given and changed.
  bool text(std::string_view key, std::string& out) {
    const json::value* found = take(key);
    if (!found) return false;
    if (!found->is_string()) {
      problem(key, "must be a text");
      return false;
    }
    const std::string_view given = found->get_string();
    if (given.size() > kMaxTextBytes) {
      problem(key, fmt::format("must have at most {} bytes", kMaxTextBytes));
      return false;
    }
    out = given;
    return true;
  }

  void choice(std::string_view key, std::string& out,
              std::initializer_list<std::string_view> allowed,
              std::initializer_list<Unsupported> unsupported = {}) {
    std::string given;
    if (!text(key, given)) return;
    for (const auto& [value, message] : unsupported) {
      if (given == value) return problem(key, fmt::format("`{}` {}", given, message));
    }
    if (std::find(allowed.begin(), allowed.end(), given) == allowed.end()) {
      return problem(key, fmt::format("`{}` is not one of {}", given, list_of(allowed)));
    }
    out = given;
  }

  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max) {
    const json::value* found = take(key);
    if (!found) return std::nullopt;
    if (found->is_int64() && found->get_int64() >= min && found->get_int64() <= max) {
      return found->get_int64();
    }
    problem(key, fmt::format("must be a whole number from {} to {}", min, max));
    return std::nullopt;
  }

  void duration(std::string_view key, std::chrono::seconds& out, std::chrono::seconds min,
                std::chrono::seconds max) {
    std::string given;
    if (!text(key, given)) return;
    const auto parsed = parse_duration(given);
    if (!parsed || *parsed % std::chrono::seconds{1} != std::chrono::milliseconds{0}) {
      return problem(key,
                     fmt::format("`{}` is not a duration in whole seconds such as `60s`", given));
    }
    if (*parsed < min || *parsed > max) {
      return problem(
          key, fmt::format("must be from {} to {}", format_duration(min), format_duration(max)));
    }
    out = std::chrono::duration_cast<std::chrono::seconds>(*parsed);
  }

  // A member that exists in the format and has no effect here.
  void refuse(std::string_view key, std::string_view message) {
    if (take(key)) problem(key, std::string(message));
  }

  void refuse_unknown() {
    if (!object_) return;
    for (const auto& member : *object_) {
      const std::string_view key = member.key();
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      const auto nearest = std::min_element(known_.begin(), known_.end(),
                                            [&](std::string_view a, std::string_view b) {
                                              return edit_distance(key, a) < edit_distance(key, b);
                                            });
      problem(key.substr(0, 64), key.size() <= 64 && nearest != known_.end() &&
                                         edit_distance(key, *nearest) <= 1 + key.size() / 3
                                     ? fmt::format("is not known; did you mean `{}`?", *nearest)
                                     : std::string("is not known"));
    }
  }

 private:
  const json::object* object_;
  std::string prefix_;
  Problems& problems_;
  std::vector<std::string_view> known_;
};

bool is_pointer(std::string_view text) {
  if (!text.starts_with('/')) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) {
      return false;
    }
  }
  return true;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view text, std::string_view also) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter_or_digit(c) || also.find(c) != std::string_view::npos;
  });
}

std::string_view explain(jose::KeyError error) {
  switch (error) {
    case jose::KeyError::Malformed:
      return "is not a certificate or public key that can be read";
    case jose::KeyError::Unsupported:
      return "has a key that is not supported; RSA, EC P-256, EC P-384 and Ed25519 are";
    case jose::KeyError::TooWeak:
      return "has an RSA key below 2048 bits";
    case jose::KeyError::PrivateKeyGiven:
      return "is a private key; give the certificate or the public key, and replace this key: it "
             "has been disclosed";
    case jose::KeyError::NotForSigning:
      return "is a certificate whose key usage does not permit signatures";
  }
  return "cannot be used";
}

// The PEM blocks of a text; explanatory text between them is allowed (RFC 7468 2).
std::expected<std::vector<std::string_view>, std::string_view> split_pem(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kDashes = "-----";
  std::vector<std::string_view> blocks;
  while (true) {
    const std::size_t begin = text.find(kBegin);
    if (text.substr(0, begin).find(kDashes) != std::string_view::npos) {
      return std::unexpected("has a PEM line outside a block");
    }
    if (begin == std::string_view::npos) break;
    const std::size_t label = begin + kBegin.size();
    const std::size_t label_end = text.find(kDashes, label);
    if (label_end == std::string_view::npos) return std::unexpected("has a broken PEM block");
    const std::string end_line =
        fmt::format("-----END {}-----", text.substr(label, label_end - label));
    const std::size_t end = text.find(end_line, label_end);
    if (end == std::string_view::npos) return std::unexpected("has a PEM block without its end");
    blocks.push_back(text.substr(begin, end + end_line.size() - begin));
    text.remove_prefix(end + end_line.size());
  }
  if (blocks.empty()) {
    return std::unexpected(
        "holds no PEM block; it begins with `-----BEGIN CERTIFICATE-----` or "
        "`-----BEGIN PUBLIC KEY-----`");
  }
  return blocks;
}

void read_keys_of(Section& section, const std::string& field, std::string_view text,
                  std::vector<jose::PublicKey>& keys) {
  const auto blocks = split_pem(text);
  if (!blocks) return section.problem(field, std::string(blocks.error()));
  for (std::size_t i = 0; i < blocks->size(); ++i) {
    const std::string_view block = (*blocks)[i];
    const bool is_private =
        block.substr(0, block.find('\n')).find("PRIVATE KEY") != std::string_view::npos;
    auto key = is_private ? std::unexpected(jose::KeyError::PrivateKeyGiven)
                          : jose::PublicKey::from_pem(block);
    if (key) {
      keys.push_back(std::move(*key));
    } else if (blocks->size() == 1) {
      section.problem(field, std::string(explain(key.error())));
    } else {
      section.problem(field, fmt::format("block {} {}", i + 1, explain(key.error())));
    }
  }
}

void read_keys(Section& section, std::vector<jose::PublicKey>& keys) {
  constexpr std::string_view kKey = "public_certificate";
  const json::value* found = section.take(kKey);
  if (!found) {
    return section.problem(
        kKey,
        "is missing; give the certificate or public key that the client's answers are signed with");
  }
  if (found->is_string()) {
    read_keys_of(section, std::string(kKey), found->get_string(), keys);
  } else if (found->is_array() && !found->get_array().empty()) {
    for (std::size_t i = 0; i < found->get_array().size(); ++i) {
      const json::value& element = found->get_array()[i];
      const std::string field = fmt::format("{}[{}]", kKey, i);
      if (element.is_string()) {
        read_keys_of(section, field, element.get_string(), keys);
      } else {
        section.problem(field, "must be a text in PEM form");
      }
    }
  } else {
    section.problem(kKey, "must be a text in PEM form, or a list of such texts");
  }
  if (keys.size() > kMaxKeys) {
    section.problem(kKey, fmt::format("must hold at most {} keys", kMaxKeys));
  }
}

// `candidate` with {port} filled in, or what is wrong with it. Only characters that can stand in a
// CSP source and in a URL without encoding.
std::expected<std::string, std::string_view> read_candidate(std::string_view candidate,
                                                            std::uint16_t port) {
  const bool is_https = candidate.starts_with("https://");
  if (!is_https && !candidate.starts_with("http://")) {
    return std::unexpected("must begin with `http://` or `https://`");
  }
  std::string_view rest = candidate.substr(is_https ? 8 : 7);
  if (rest.starts_with('[')) {
    return std::unexpected(
        "cannot be an IPv6 address: no content security policy can permit one; use "
        "`http://127.0.0.1:{port}`");
  }
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos) {
    return std::unexpected("must name its port: `http://127.0.0.1:{port}`");
  }
  const std::string_view host = rest.substr(0, colon);
  std::string port_text{rest.substr(colon + 1)};
  if (port_text == "{port}") port_text = std::to_string(port);
  const bool is_port = !port_text.empty() && port_text.size() <= 5 && port_text[0] != '0' &&
                       std::all_of(port_text.begin(), port_text.end(),
                                   [](char c) { return c >= '0' && c <= '9'; }) &&
                       std::stoul(port_text) <= 65535;
  if (!is_port) return std::unexpected("must end with its port, and have no path");
  const bool is_host =
      host.size() <= 253 && !host.empty() && is_letter_or_digit(host.front()) &&
      is_letter_or_digit(host.back()) && std::all_of(host.begin(), host.end(), [](char c) {
        return (is_letter_or_digit(c) && !(c >= 'A' && c <= 'Z')) || c == '-' || c == '.';
      });
  if (!is_host) return std::unexpected("must have a host name in lower case");
  if (!is_https && host != "127.0.0.1" && host != "localhost") {
    return std::unexpected(
        "with `http://` must be `127.0.0.1` or `localhost`: browsers block other hosts");
  }
  return fmt::format("{}://{}:{}", is_https ? "https" : "http", host, port_text);
}

void read_candidates(Section& exchange, TaniumProfile& profile) {
  const json::value* found = exchange.take("candidates");
  if (!found) {
    profile.candidates = {fmt::format("http://127.0.0.1:{}", profile.port)};
    return;
  }
  const json::array* list = found->if_array();
  if (!list || list->empty() || list->size() > kMaxCandidates) {
    return exchange.problem("candidates", fmt::format("must be a list of one to {} URLs such as "
                                                      "`http://127.0.0.1:{{port}}`",
                                                      kMaxCandidates));
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string field = fmt::format("candidates[{}]", i);
    const auto* text = (*list)[i].if_string();
    if (!text) {
      exchange.problem(field, "must be a text");
      continue;
    }
    auto candidate = read_candidate(std::string_view(*text), profile.port);
    if (candidate) {
      profile.candidates.push_back(std::move(*candidate));
    } else {
      exchange.problem(field, std::string(candidate.error()));
    }
  }
}

void read_request(Section request, TaniumProfile& profile) {
  request.choice("encoding", profile.encoding, {"json", "query", "form"});
  if (profile.method == "GET" && profile.encoding != "query") {
    request.problem("encoding", "must be `query` when the method is `GET`");
  }
  if (request.text("nonce_field", profile.nonce_field) && !profile.nonce_field.empty() &&
      !is_name(profile.nonce_field, "_-.")) {
    request.problem("nonce_field", "must be letters, digits, `_`, `-` or `.`");
  }
  if (request.text("audience_field", profile.audience_field) && !profile.audience_field.empty() &&
      !is_name(profile.audience_field, "_-.")) {
    request.problem("audience_field", "must be letters, digits, `_`, `-` or `.`");
  }
  if (!profile.nonce_field.empty() && profile.nonce_field == profile.audience_field) {
    request.problem("audience_field", "must differ from nonce_field");
  }
  if (const json::value* extra = request.take("extra")) {
    if (!extra->is_object()) {
      request.problem("extra", "must be an object");
    } else {
      profile.extra = extra->get_object();
    }
  }
  for (const auto& member : profile.extra) {
    const std::string_view key = member.key();
    const std::string field = fmt::format("extra.{}", key);
    if (!is_name(key, "_-.")) {
      request.problem("extra", "has a name that is not letters, digits, `_`, `-` or `.`");
    } else if (key == profile.nonce_field || key == profile.audience_field) {
      request.problem(field, "has the name of nonce_field or audience_field");
    } else if (profile.encoding != "json" && !member.value().is_string() &&
               !member.value().is_bool() && !member.value().is_number()) {
      request.problem(field, "must be a text, a number or a truth value in this encoding");
    }
  }
  request.refuse_unknown();
}

void read_exchange(Section exchange, TaniumProfile& profile) {
  read_candidates(exchange, profile);
  exchange.choice("method", profile.method, {"POST", "GET"});
  if (profile.method == "GET") profile.encoding = "query";
  if (exchange.text("path", profile.path)) {
    const bool is_path =
        profile.path.starts_with('/') &&
        std::all_of(profile.path.begin(), profile.path.end(), [](char c) {
          return c > ' ' && c < 0x7f &&
                 std::string_view("?#\\\"<>`{}|^").find(c) == std::string_view::npos;
        });
    if (!is_path) {
      exchange.problem("path", "must begin with `/` and be an encoded path without `?` or `#`");
    }
  }
  read_request(exchange.child("request"), profile);

  Section response = exchange.child("response");
  if (response.text("token_source", profile.token_source)) {
    const std::string_view source = profile.token_source;
    const bool is_source = source == "auto" || source == "body" ||
                           (source.starts_with("json:") && is_pointer(source.substr(5))) ||
                           (source.starts_with("header:") && is_name(source.substr(7), "-_"));
    if (!is_source) {
      response.problem("token_source", "must be `auto`, `body`, `json:/pointer` or `header:Name`");
    }
  }
  std::string signature;
  response.choice("signature", signature, {"jws"},
                  {{"detached", "is not supported; the answer must be a compact JWS"}});
  response.refuse_unknown();

  Section timeouts = exchange.child("timeouts");
  if (const auto given = timeouts.integer("exchange_ms", 100, 120'000)) {
    profile.exchange_timeout = std::chrono::milliseconds(*given);
  }
  timeouts.refuse("probe_ms", "is not supported; there is no separate probe");
  timeouts.refuse_unknown();

  exchange.choice("target_address_space", profile.target_address_space, {"loopback", "local", ""});
  std::string delivery;
  exchange.choice("delivery", delivery, {"browser"},
                  {{"agent_push", "is not supported; the browser brings the answer"}});
  exchange.refuse_unknown();
}

void read_algorithms(Section& token, TaniumProfile& profile) {
  using enum jose::Algorithm;
  const json::value* found = token.take("algs");
  if (!found) {
    profile.algorithms = {RS256, PS256, ES256, EdDSA};
  } else if (!found->is_array() || found->get_array().empty()) {
    token.problem("algs", "must be a list such as `[RS256]`");
  } else {
    for (const json::value& element : found->get_array()) {
      const auto algorithm = element.is_string()
                                 ? jose::parse_algorithm(std::string_view(element.get_string()))
                                 : std::nullopt;
      if (!algorithm) {
        token.problem("algs",
                      "must hold only RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, "
                      "EdDSA; `none` and shared secrets do not exist here");
        return;
      }
      profile.algorithms.push_back(*algorithm);
    }
  }
  // A key that no permitted algorithm can use is a mistake that would show only at sign-in.
  for (const jose::PublicKey& key : profile.keys) {
    if (!profile.algorithms.empty() &&
        std::none_of(profile.algorithms.begin(), profile.algorithms.end(),
                     [&](jose::Algorithm algorithm) { return key.fits(algorithm); })) {
      token.problem("algs", "has no algorithm for a key of public_certificate");
      return;
    }
  }
}

void read_token(Section token, TaniumProfile& profile) {
  read_algorithms(token, profile);
  std::string chain_mode;
  token.choice("chain_mode", chain_mode, {"pinned"},
               {{"ca", "is not supported; list the signing keys in public_certificate"}});
  token.text("issuer", profile.issuer);
  token.text("audience", profile.audience);
  token.choice("nonce_mode", profile.nonce_mode, {"required", "if_present", "none"});
  token.choice("nonce_encoding", profile.nonce_encoding, {"plain", "sha256_b64url"});
  token.duration("max_age", profile.max_age, std::chrono::seconds{1}, kMaxMaxAge);
  token.duration("clock_skew", profile.clock_skew, std::chrono::seconds{0}, jose::kMaxLeeway);
  if (profile.nonce_mode != "required" && profile.max_age > kMaxAgeWithoutNonce) {
    token.problem("max_age", "must be at most 60s when nonce_mode is not `required`");
  }
  token.refuse_unknown();
}

void read_claims(Section claims, TaniumProfile& profile) {
  const std::initializer_list<std::pair<std::string_view, std::string*>> pointers = {
      {"nonce", &profile.claim_nonce},
      {"audience", &profile.claim_audience},
      {"device_id", &profile.claim_device_id},
      {"managed", &profile.claim_managed},
      {"last_checkin", &profile.claim_last_checkin},
      {"patch_status", &profile.claim_patch_status},
      {"vulnerability_score", &profile.claim_vulnerability_score},
      {"hostname", &profile.claim_hostname},
      {"serial_number", &profile.claim_serial_number},
  };
  for (const auto& [key, pointer] : pointers) {
    if (claims.text(key, *pointer) && !pointer->empty() && !is_pointer(*pointer)) {
      claims.problem(key, fmt::format("`{}` is not a JSON pointer such as `/device/id`", *pointer));
    }
  }
  if (profile.claim_managed.empty()) claims.problem("managed", "must not be empty");
  if (profile.claim_nonce.empty() && profile.nonce_mode != "none") {
    claims.problem("nonce", "must not be empty unless nonce_mode is `none`");
  }
  profile.managed_true_values = {true, "true", 1, "managed"};
  if (const json::value* found = claims.take("managed_true_values")) {
    const json::array* list = found->if_array();
    const bool is_list =
        list && !list->empty() && std::all_of(list->begin(), list->end(), [](const json::value& v) {
          return v.is_string() || v.is_number() || v.is_bool();
        });
    if (is_list) {
      profile.managed_true_values = *list;
    } else {
      claims.problem("managed_true_values",
                     "must be a list of texts, numbers or truth values, not empty");
    }
  }
  claims.choice("last_checkin_format", profile.last_checkin_format,
                {"epoch", "epoch_ms", "rfc3339", "seconds_ago"});
  claims.refuse_unknown();
}

}  // namespace

std::expected<TaniumProfile, std::vector<FieldProblem>> read_tanium_profile(
    const model::PostureIntegration& integration) {
  Problems problems;
  if (integration.type != "tanium") {
    problems.push_back({"type", fmt::format("`{}` is not `tanium`", integration.type)});
    return std::unexpected(std::move(problems));
  }
  TaniumProfile profile;
  profile.integration_id = integration.id;
  Section config(&integration.config, "", problems);
  if (const auto port = config.integer("port", 1, 65535)) {
    profile.port = static_cast<std::uint16_t>(*port);
  }
  read_keys(config, profile.keys);
  Section exchange = config.child("exchange");
  read_exchange(exchange, profile);
  read_token(config.child("token"), profile);
  read_claims(config.child("claims"), profile);
  if (profile.nonce_field.empty() && profile.nonce_mode == "required") {
    problems.push_back({"exchange.request.nonce_field",
                        "must not be empty unless token.nonce_mode is `if_present` or `none`"});
  }
  Section managed = config.child("managed");
  std::string missing_last_checkin;
  managed.choice("missing_last_checkin", missing_last_checkin, {"fail"},
                 {{"trust_managed_claim", "is not supported; a device without it is refused"}});
  managed.refuse("max_checkin_age", "belongs to the posture rule: `input.max_checkin_age`");
  managed.refuse_unknown();
  config.refuse_unknown();
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return profile;
}

}  // namespace gatehouse::posture
