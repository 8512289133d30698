#include "agent/attester.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "base/encoding.h"
#include "jose/jwt.h"

namespace gatehouse::agent {
namespace {

using net::HttpRequest;
using net::HttpResponse;

constexpr std::size_t kMinNonceBytes = 16;
constexpr std::size_t kMaxNonceBytes = 256;

HttpResponse response(int status, std::string_view content_type, std::string body) {
  HttpResponse made{status,
                    {{"Cache-Control", "no-store"},
                     {"X-Content-Type-Options", "nosniff"},
                     {"Vary", "Origin, Access-Control-Request-Private-Network"}},
                    std::move(body)};
  if (!content_type.empty()) made.headers.emplace_back("Content-Type", content_type);
  return made;
}

HttpResponse refusal(int status, std::string_view error) {
  return response(status, "application/json", fmt::format(R"({{"error":"{}"}})", error));
}

// Exact, with the port: a page that made its own name point at us (DNS rebinding) still sends its
// own name.
bool is_own_host(std::string_view host, std::uint16_t port) {
  for (const std::string_view name : {"127.0.0.1", "localhost", "[::1]"}) {
    if (host == fmt::format("{}:{}", name, port)) return true;
  }
  return false;
}

bool is_absent_or(const HttpRequest& request, std::string_view name,
                  std::initializer_list<std::string_view> allowed) {
  if (request.count(name) == 0) return true;
  const auto value = request.header(name);
  return value && std::find(allowed.begin(), allowed.end(), *value) != allowed.end();
}

// What a browser says of a fetch by a page of another origin. Navigations, images, scripts, frames
// and opaque requests say something else.
bool is_cors_fetch(const HttpRequest& request) {
  return is_absent_or(request, "Sec-Fetch-Site", {"cross-site", "same-site"}) &&
         is_absent_or(request, "Sec-Fetch-Mode", {"cors"}) &&
         is_absent_or(request, "Sec-Fetch-Dest", {"empty"});
}

// Only this type makes a browser ask first (a preflight); forms cannot send it.
bool is_json(const HttpRequest& request) {
  const auto value = request.header("Content-Type");
  if (!value || request.count("Content-Encoding") != 0) return false;
  const std::string_view type = value->substr(0, value->find(';'));
  if (!ascii_iequals(trim(type), "application/json")) return false;
  return type.size() == value->size() ||
         ascii_iequals(trim(value->substr(type.size() + 1)), "charset=utf-8");
}

bool is_nonce(std::string_view text) {
  return text.size() >= kMinNonceBytes && text.size() <= kMaxNonceBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

HttpResponse preflight(const HttpRequest& request) {
  if (request.count("Access-Control-Request-Method") == 0) return refusal(400, "bad_request");
  HttpResponse made = response(204, "", "");
  made.headers.emplace_back("Access-Control-Allow-Methods", "POST");
  made.headers.emplace_back("Access-Control-Allow-Headers", "content-type");
  made.headers.emplace_back("Access-Control-Max-Age", "600");
  if (request.header("Access-Control-Request-Private-Network") == "true") {
    made.headers.emplace_back("Access-Control-Allow-Private-Network", "true");
  }
  return made;
}

}  // namespace

Attester::Attester(AttesterParts parts)
    : parts_(std::move(parts)), key_id_(parts_.key.public_key().thumbprint()) {}

HttpResponse Attester::handle(const HttpRequest& request, std::uint16_t port, Instant now) {
  // Before the origin is known to be allowed, the answer depends on nothing but the request's own
  // Host, path and headers: a foreign page learns that something listens, and no more.
  const auto host = request.header("Host");
  if (!host) return refusal(400, "bad_request");
  if (!is_own_host(*host, port)) return refusal(421, "bad_host");
  if (request.path != kAttestPath) return refusal(404, "not_found");
  const auto state = parts_.state();
  if (!state) {
    parts_.on_unreadable_state(state.error());
    return refusal(503, "not_ready");
  }
  const std::string origin{request.header("Origin").value_or("")};
  const bool is_allowed = std::find(state->allowed_origins.begin(), state->allowed_origins.end(),
                                    origin) != state->allowed_origins.end();
  if (!is_allowed || !is_cors_fetch(request)) return refusal(403, "origin_not_allowed");

  HttpResponse made = answer_allowed(request, *state, origin, now);
  made.headers.emplace_back("Access-Control-Allow-Origin", origin);
  return made;
}

HttpResponse Attester::answer_allowed(const HttpRequest& request, const AgentState& state,
                                      const std::string& origin, Instant now) {
  if (request.method == "OPTIONS") return preflight(request);
  if (request.method != "POST") {
    HttpResponse made = refusal(405, "method_not_allowed");
    made.headers.emplace_back("Allow", "POST, OPTIONS");
    return made;
  }
  if (!is_json(request)) return refusal(415, "unsupported_media_type");
  if (request.body.size() > kMaxRequestBodyBytes) return refusal(413, "too_large");
  if (!is_within_rate(state, origin, now)) {
    HttpResponse made = refusal(429, "rate_limited");
    made.headers.emplace_back("Retry-After", "1");
    return made;
  }
  const auto body = json::parse(request.body, {.max_bytes = kMaxRequestBodyBytes, .max_depth = 8});
  const json::object* object = body ? body->if_object() : nullptr;
  const auto nonce = object ? json::find_string(*object, "nonce") : std::nullopt;
  if (!nonce || !is_nonce(*nonce)) return refusal(400, "bad_request");
  return response(200, "application/jwt", sign_token(state, origin, *nonce, now));
}

bool Attester::is_within_rate(const AgentState& state, const std::string& origin, Instant now) {
  const std::lock_guard lock(mutex_);
  if (now != counted_second_) {
    requests_.clear();
    counted_second_ = now;
  }
  return ++requests_[origin] <= state.requests_per_second;
}

std::string Attester::sign_token(const AgentState& state, const std::string& origin,
                                 std::string_view nonce, Instant now) const {
  // The audience is what the browser says of the page, never what the page says of itself.
  json::object claims{
      {"iss", state.issuer},          {"aud", origin},
      {"sub", state.device_id},       {"nonce", nonce},
      {"iat", to_epoch_seconds(now)}, {"exp", to_epoch_seconds(now + kTokenLifetime)},
      {"jti", parts_.token_id()},     {"managed", state.managed}};
  // `now` is what a managed device reports; one that is not managed has nobody to check in with.
  if (state.last_checkin || state.managed) {
    claims["last_checkin"] = to_epoch_seconds(state.last_checkin.value_or(now));
  }
  if (state.patch_compliant) claims["patch_status"] = {{"compliant", *state.patch_compliant}};
  if (state.vulnerability_score) claims["vulnerability"] = {{"score", *state.vulnerability_score}};
  json::object device = parts_.device();
  if (!state.serial_number.empty()) device["serial_number"] = state.serial_number;
  claims["device"] = std::move(device);
  return jose::sign_jwt(claims, parts_.key, jose::Algorithm::ES256, key_id_, "lpx+jwt");
}

}  // namespace gatehouse::agent
