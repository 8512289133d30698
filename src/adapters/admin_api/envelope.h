// The envelope of the v4 API. Source: facts/cloudflare-access-api.md 1.1-1.3.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "controlplane/gateway.h"
#include "net/http.h"

namespace gatehouse::adapters::admin_api {

struct ApiError {
  int code = 0;  // at least 1000
  std::string message;
  std::string pointer;  // into the body; empty: none
};
inline constexpr int kInvalidRequest = 12130;      // access.api.error.invalid_request
inline constexpr int kNotFound = 12135;            // access.api.error.not_found
inline constexpr int kUnknownApplication = 11021;  // access.api.error.unknown_application
inline constexpr int kConflict = 12132;            // access.api.error.conflict
inline constexpr int kAuthentication = 10000;
inline constexpr int kNotAllowed = 10001;
inline constexpr int kUnauthorized = 9109;
inline constexpr int kNoRoute = 7003;
inline constexpr int kRateLimited = 10429;
inline constexpr int kUnavailable = 10500;
inline constexpr int kInvalidHeaders = 6003;
inline constexpr int kChanged = 10412;  // If-Match

[[nodiscard]] net::HttpResponse success(json::value result, int status = 200);
// One page of `total`.
[[nodiscard]] net::HttpResponse list(json::array page, std::size_t page_number,
                                     std::size_t per_page, std::size_t total);
// A list that is never paged.
[[nodiscard]] net::HttpResponse whole_list(json::array items);
// The part of a log that was asked for, with where it goes on: `cursors` of result_info.
[[nodiscard]] net::HttpResponse log_page(json::array lines, std::size_t most, json::object cursors);
[[nodiscard]] net::HttpResponse failure(int status, std::vector<ApiError> errors);
// 400 with `access.api.error.invalid_request: <field>: <message>`.
[[nodiscard]] net::HttpResponse invalid(std::string_view pointer, std::string_view message);
[[nodiscard]] net::HttpResponse not_found();
// The refusal of a body that has another member than these, which it names; nullopt: it has none.
[[nodiscard]] std::optional<net::HttpResponse> unknown_member(
    const json::object& body, std::initializer_list<std::string_view> known,
    std::string_view place = {});  // pointer to it, when it is not the whole body
// 409 of what will be the same when it is tried again, and says so to clients that try by
// themselves.
[[nodiscard]] net::HttpResponse conflict(std::string_view message);
[[nodiscard]] net::HttpResponse precondition_failed();  // 412
[[nodiscard]] net::HttpResponse unavailable();          // 503, Retry-After
// What the gateway said of a change.
[[nodiscard]] net::HttpResponse change_failed(const controlplane::ChangeError& error);

}  // namespace gatehouse::adapters::admin_api
