#include "agent/state.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>

#include "base/encoding.h"
#include "base/json.h"
#include "base/try.h"
#include "platform/file.h"
#include "platform/random.h"

namespace gatehouse::agent {
namespace {

constexpr std::size_t kMaxStateBytes = 64 * 1024;
constexpr std::size_t kMaxKeyBytes = 16 * 1024;
constexpr std::size_t kMaxTextBytes = 256;
constexpr std::int64_t kMaxRequestsPerSecond = 10'000;

std::filesystem::path state_file(const std::filesystem::path& dir) { return dir / "agent.json"; }
std::filesystem::path key_file(const std::filesystem::path& dir) { return dir / "device-key.pem"; }

std::unexpected<AgentError> problem(std::string_view field, std::string_view message) {
  return std::unexpected(AgentError{fmt::format("`{}` {}", field, message)});
}

std::unexpected<AgentError> in_file(const std::filesystem::path& path, std::string_view message) {
  return std::unexpected(AgentError{fmt::format("`{}`: {}", path.string(), message)});
}

std::expected<std::vector<std::string>, AgentError> read_origins(const json::value& value) {
  constexpr std::string_view kField = "allowed_origins";
  if (!value.is_array() || value.get_array().size() > kMaxOrigins) {
    return problem(kField, fmt::format("must be a list of at most {} origins", kMaxOrigins));
  }
  std::vector<std::string> origins;
  for (const json::value& element : value.get_array()) {
    const std::string origin = element.is_string() ? std::string(element.get_string()) : "";
    if (origin.empty() || canonical_origin(origin) != origin) {
      return problem(kField, "must hold origins such as `https://auth.example.com`");
    }
    origins.push_back(origin);
  }
  return origins;
}

std::expected<std::string, AgentError> read_text(std::string_view field, const json::value& value) {
  if (!value.is_string() || value.get_string().size() > kMaxTextBytes) {
    return problem(field, fmt::format("must be a text of at most {} bytes", kMaxTextBytes));
  }
  return std::string(value.get_string());
}

// The member `inner` of the object `field`, which may have no other.
std::expected<json::value, AgentError> read_only_member(std::string_view field,
                                                        std::string_view inner,
                                                        const json::value& value) {
  const json::object* object = value.if_object();
  const json::value* found = object ? json::find(*object, inner) : nullptr;
  if (!found || object->size() != 1) {
    return problem(field, fmt::format("must be an object with the one member `{}`", inner));
  }
  return *found;
}

std::expected<void, AgentError> read_member(std::string_view key, const json::value& value,
                                            AgentState& state) {
  if (key == "device_id") {
    state.device_id = GATEHOUSE_TRY(read_text(key, value));
  } else if (key == "issuer") {
    state.issuer = GATEHOUSE_TRY(read_text(key, value));
  } else if (key == "allowed_origins") {
    state.allowed_origins = GATEHOUSE_TRY(read_origins(value));
  } else if (key == "managed") {
    if (!value.is_bool()) return problem(key, "must be true or false");
    state.managed = value.get_bool();
  } else if (key == "last_checkin") {
    const std::string text = GATEHOUSE_TRY(read_text(key, value));
    state.last_checkin = text == "now" ? std::nullopt : parse_rfc3339(text);
    if (text != "now" && !state.last_checkin) {
      return problem(key, "must be `now` or an instant such as `2026-01-02T03:04:05Z`");
    }
  } else if (key == "patch_status") {
    const json::value inner = GATEHOUSE_TRY(read_only_member(key, "compliant", value));
    if (!inner.is_bool()) return problem("patch_status.compliant", "must be true or false");
    state.patch_compliant = inner.get_bool();
  } else if (key == "vulnerability") {
    const json::value inner = GATEHOUSE_TRY(read_only_member(key, "score", value));
    boost::system::error_code error;
    const double score = inner.is_number() ? inner.to_number<double>(error) : -1;
    if (error || !(score >= 0) || !std::isfinite(score)) {
      return problem("vulnerability.score", "must be a number from 0 on");
    }
    state.vulnerability_score = score;
  } else if (key == "serial_number") {
    state.serial_number = GATEHOUSE_TRY(read_text(key, value));
  } else if (key == "requests_per_second") {
    if (!value.is_int64() || value.get_int64() < 1 || value.get_int64() > kMaxRequestsPerSecond) {
      return problem(key,
                     fmt::format("must be a whole number from 1 to {}", kMaxRequestsPerSecond));
    }
    state.requests_per_second = static_cast<std::uint32_t>(value.get_int64());
  } else {
    return problem(key.substr(0, kMaxTextBytes), "is not known");
  }
  return {};
}

}  // namespace

std::optional<std::string> canonical_origin(std::string_view text) {
  std::string lower = ascii_lower(text);
  if (lower.ends_with('/')) lower.pop_back();
  constexpr std::string_view kScheme = "https://";
  if (!lower.starts_with(kScheme)) return std::nullopt;
  const std::string_view rest = std::string_view(lower).substr(kScheme.size());
  const std::string_view host = rest.substr(0, rest.find(':'));
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  const bool is_host = !host.empty() && host.size() <= 253 && is_alphanumeric(host.front()) &&
                       is_alphanumeric(host.back()) && host.find("..") == std::string_view::npos &&
                       std::all_of(host.begin(), host.end(), [&](char c) {
                         return is_alphanumeric(c) || c == '-' || c == '.';
                       });
  if (!is_host) return std::nullopt;
  if (host.size() == rest.size()) return lower;
  const std::string_view port = rest.substr(host.size() + 1);
  const bool is_port =
      !port.empty() && port.size() <= 5 && port.front() != '0' &&
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
      std::stoul(std::string(port)) <= 65535;
  if (!is_port) return std::nullopt;
  if (port == "443") return fmt::format("{}{}", kScheme, host);
  return lower;
}

std::optional<std::optional<Instant>> parse_last_checkin(std::string_view text, Instant now) {
  if (text == "now") return std::optional<Instant>{};
  constexpr std::string_view kAgo = "-ago";
  if (text.ends_with(kAgo)) {
    std::string age{text.substr(0, text.size() - kAgo.size())};
    // Days are not among the units of durations elsewhere, and what one asks for here.
    if (age.ends_with('d') && age.size() <= 5 &&
        std::all_of(age.begin(), age.end() - 1, [](char c) { return c >= '0' && c <= '9'; }) &&
        age.size() > 1) {
      age = fmt::format("{}h", 24 * std::stoul(age));
    }
    const auto duration = parse_duration(age);
    if (!duration) return std::nullopt;
    return std::optional<Instant>(now -
                                  std::chrono::duration_cast<std::chrono::seconds>(*duration));
  }
  const auto instant = parse_rfc3339(text);
  if (!instant) return std::nullopt;
  return instant;
}

std::expected<AgentState, AgentError> parse_state(std::string_view text) {
  const auto parsed = json::parse(text, {.max_bytes = kMaxStateBytes, .max_depth = 4});
  if (!parsed) {
    return std::unexpected(
        AgentError{fmt::format("is not JSON: {}", json::to_string(parsed.error()))});
  }
  if (!parsed->is_object()) return std::unexpected(AgentError{"must be a JSON object"});
  AgentState state;
  for (const auto& member : parsed->get_object()) {
    GATEHOUSE_TRY_VOID(read_member(member.key(), member.value(), state));
  }
  if (state.device_id.empty()) return problem("device_id", "is missing");
  return state;
}

std::string format_state(const AgentState& state) {
  json::array origins;
  for (const std::string& origin : state.allowed_origins) origins.emplace_back(origin);
  json::object object{
      {"device_id", state.device_id},
      {"issuer", state.issuer},
      {"allowed_origins", std::move(origins)},
      {"managed", state.managed},
      {"last_checkin", state.last_checkin ? format_rfc3339(*state.last_checkin) : "now"},
      {"requests_per_second", state.requests_per_second}};
  if (state.patch_compliant) object["patch_status"] = {{"compliant", *state.patch_compliant}};
  if (state.vulnerability_score) object["vulnerability"] = {{"score", *state.vulnerability_score}};
  if (!state.serial_number.empty()) object["serial_number"] = state.serial_number;
  // One member a line: people edit this file.
  std::string text = "{";
  for (const auto& member : object) {
    text += fmt::format("{}\n  {}: {}", text.size() > 1 ? "," : "", json::serialize(member.key()),
                        json::serialize(member.value()));
  }
  return text + "\n}\n";
}

std::expected<AgentState, AgentError> load_state(const std::filesystem::path& dir) {
  const auto text = read_file(state_file(dir), kMaxStateBytes);
  if (!text) return std::unexpected(AgentError{text.error().message});
  auto state = parse_state(*text);
  if (!state) return in_file(state_file(dir), state.error().message);
  return state;
}

std::expected<void, AgentError> save_state(const std::filesystem::path& dir,
                                           const AgentState& state) {
  const auto written = write_file_atomically(state_file(dir), format_state(state), 0600);
  if (!written) return std::unexpected(AgentError{written.error().message});
  return {};
}

std::expected<jose::PrivateKey, AgentError> load_device_key(const std::filesystem::path& dir) {
  const std::filesystem::path path = key_file(dir);
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & 077) != 0) {
    return in_file(path, "others may read this key; make its mode 0600");
  }
  const auto text = read_file(path, kMaxKeyBytes);
  if (!text) return std::unexpected(AgentError{text.error().message});
  auto key = jose::PrivateKey::from_pem(*text);
  if (!key) return in_file(path, fmt::format("not a usable key: {}", jose::to_string(key.error())));
  if (!key->public_key().fits(jose::Algorithm::ES256)) {
    return in_file(path, "must be an EC P-256 key");
  }
  return std::move(*key);
}

std::expected<AgentState, AgentError> initialize(const std::filesystem::path& dir,
                                                 const std::vector<std::string>& allowed_origins) {
  std::error_code error;
  if (const auto made = make_directory(dir, 0700); !made) {
    return std::unexpected(AgentError{made.error().message});
  }
  if (std::filesystem::exists(key_file(dir), error)) {
    GATEHOUSE_TRY(load_device_key(dir));
  } else {
    const Secret pem = jose::PrivateKey::generate_p256().to_pem();
    const auto written = write_file_atomically(key_file(dir), pem.reveal(), 0600);
    if (!written) return std::unexpected(AgentError{written.error().message});
  }
  AgentState state;
  if (std::filesystem::exists(state_file(dir), error)) {
    state = GATEHOUSE_TRY(load_state(dir));
  } else {
    state.device_id = random_uuid();
  }
  state.allowed_origins = allowed_origins;
  GATEHOUSE_TRY_VOID(save_state(dir, state));
  return state;
}

}  // namespace gatehouse::agent
