#include "enforcement/cors.h"

#include <algorithm>

#include "base/encoding.h"

namespace gatehouse::enforcement {
namespace {

constexpr std::size_t kMaxRequestedHeaders = 64;
constexpr std::size_t kMaxRequestedHeaderBytes = 4096;

// RFC 9110 5.6.2: what may be said back.
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

bool is_allowed_header(const model::CorsHeaders& cors, std::string_view name) {
  return is_token(name) &&
         (cors.allow_all_headers || std::ranges::any_of(cors.allowed_headers, [&](const auto& one) {
            return ascii_iequals(one, name);
          }));
}

// Methods are compared with their case, as the Fetch standard does.
bool is_allowed_method(const model::CorsHeaders& cors, std::string_view method) {
  return is_token(method) &&
         (cors.allow_all_methods ||
          std::ranges::find(cors.allowed_methods, method) != cors.allowed_methods.end());
}

std::string allowed_headers(const model::CorsHeaders& cors, std::string_view requested) {
  if (requested.size() > kMaxRequestedHeaderBytes) return {};
  std::string allowed;
  for (std::size_t count = 0; !requested.empty() && count < kMaxRequestedHeaders; ++count) {
    const auto comma = std::min(requested.find(','), requested.size());
    const auto name = trim(requested.substr(0, comma));
    requested.remove_prefix(std::min(comma + 1, requested.size()));
    if (is_allowed_header(cors, name)) allowed.append(allowed.empty() ? "" : ", ").append(name);
  }
  return allowed;
}

}  // namespace

bool is_allowed_origin(const model::CorsHeaders& cors, std::string_view origin) {
  if (origin.empty()) return false;
  return cors.allow_all_origins ||
         std::ranges::find(cors.allowed_origins, origin) != cors.allowed_origins.end();
}

Headers cors_headers(const model::CorsHeaders& cors, std::string_view origin) {
  Headers headers{{"Vary", "Origin"}};
  if (!is_allowed_origin(cors, origin)) return headers;
  // Browsers refuse `*` on a request with credentials.
  const bool any = cors.allow_all_origins && !cors.allow_credentials;
  headers.emplace_back("Access-Control-Allow-Origin", any ? "*" : std::string(origin));
  if (cors.allow_credentials) headers.emplace_back("Access-Control-Allow-Credentials", "true");
  return headers;
}

Headers preflight_headers(const model::CorsHeaders& cors, std::string_view origin,
                          std::string_view method, std::string_view headers) {
  Headers answer = cors_headers(cors, origin);
  if (is_allowed_method(cors, method)) answer.emplace_back("Access-Control-Allow-Methods", method);
  if (auto allowed = allowed_headers(cors, headers); !allowed.empty())
    answer.emplace_back("Access-Control-Allow-Headers", std::move(allowed));
  if (cors.max_age && *cors.max_age >= 0)
    answer.emplace_back("Access-Control-Max-Age", std::to_string(*cors.max_age));
  return answer;
}

}  // namespace gatehouse::enforcement
