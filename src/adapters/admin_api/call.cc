#include "adapters/admin_api/call.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/encoding.h"
#include "base/json_duplicate.h"
#include "base/try.h"

namespace gatehouse::adapters::admin_api {
namespace {

constexpr json::ParseLimits kBodyLimits{.max_bytes = kMaxBodyBytes, .max_depth = 32};

bool is_json(std::string_view content_type) {
  const auto type = trim(content_type.substr(0, content_type.find(';')));
  return ascii_iequals(type, "application/json");
}

std::string_view text_of(json::ParseError error) {
  switch (error) {
    case json::ParseError::TooLarge:
      return "the body is too large";
    case json::ParseError::TooDeep:
      return "the body is nested too deeply";
    case json::ParseError::Syntax:
      return "the body is not JSON";
    case json::ParseError::DuplicateKey:
      return "the body has a key twice in one object";
    case json::ParseError::InvalidUtf8:
      return "the body is not UTF-8";
  }
  return "the body is not JSON";
}

// At least 1 and at most `most`; 0 and absence are `fallback`.
std::expected<std::size_t, net::HttpResponse> number_of(const Call& call, std::string_view name,
                                                        std::size_t fallback, std::size_t most) {
  const auto text = call.query(name);
  if (!text || text->empty()) return fallback;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number > most) {
    return std::unexpected(
        invalid("", fmt::format("query parameter `{}` must be a number from 1 to {}", name, most)));
  }
  return number == 0 ? fallback : number;
}

}  // namespace

controlplane::Actor Call::actor() const { return {token.name, client.to_string(), reference}; }

std::optional<std::string> Call::query(std::string_view name) const {
  auto values = queries(name);
  if (values.empty()) return std::nullopt;
  return std::move(values.back());
}

std::vector<std::string> Call::queries(std::string_view name) const {
  std::vector<std::string> values;
  auto parameters = net::parse_form(request.query);
  if (!parameters) return values;
  for (auto& [key, value] : *parameters)
    if (key == name) values.push_back(std::move(value));
  return values;
}

std::expected<json::value, net::HttpResponse> Call::any_body() const {
  if (const auto count = request.count("Content-Type"); count > 0) {
    const auto type = request.header("Content-Type");
    if (!type || !is_json(*type)) {
      return std::unexpected(failure(
          400, {{kInvalidHeaders,
                 "Invalid request headers: `Content-Type` must be `application/json`", ""}}));
    }
  }
  if (request.body.empty()) return std::unexpected(invalid("", "the body is empty"));
  auto body = json::parse(request.body, kBodyLimits);
  if (!body && body.error() == json::ParseError::DuplicateKey) {
    const auto key = json::find_duplicate_key(request.body, kBodyLimits).value_or("");
    return std::unexpected(
        invalid("", fmt::format("the body has the key `{}` twice in one object", key)));
  }
  if (!body) return std::unexpected(invalid("", text_of(body.error())));
  return std::move(*body);
}

std::expected<json::object, net::HttpResponse> Call::body(bool may_be_empty) const {
  if (may_be_empty && request.body.empty()) return json::object{};
  auto any = GATEHOUSE_TRY(any_body());
  json::object* object = any.if_object();
  if (object == nullptr) return std::unexpected(invalid("", "the body must be a JSON object"));
  return std::move(*object);
}

std::expected<Paging, net::HttpResponse> paging_of(const Call& call, std::size_t default_per_page,
                                                   std::size_t most) {
  constexpr std::size_t kMostPages = 1'000'000'000;
  Paging paging;
  paging.page = GATEHOUSE_TRY(number_of(call, "page", 1, kMostPages));
  paging.per_page = GATEHOUSE_TRY(number_of(call, "per_page", default_per_page, most));
  return paging;
}

}  // namespace gatehouse::adapters::admin_api
