#include "adapters/admin_api/envelope.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gatehouse::adapters::admin_api {
namespace {

constexpr std::size_t kMaxErrors = 50;  // nobody reads more

net::HttpResponse envelope(int status, bool is_success, json::value result, json::array errors) {
  json::object document{{"result", std::move(result)},
                        {"success", is_success},
                        {"errors", std::move(errors)},
                        {"messages", json::array{}}};
  return {status, {{"Content-Type", "application/json"}}, json::serialize(document)};
}

net::HttpResponse collection(json::array page, std::size_t page_number, std::size_t per_page,
                             std::size_t total, std::optional<json::object> cursors = {}) {
  const std::size_t count = page.size();
  const std::size_t pages = per_page == 0 ? 1 : (total + per_page - 1) / per_page;
  json::object document{{"result", std::move(page)},
                        {"success", true},
                        {"errors", json::array{}},
                        {"messages", json::array{}},
                        {"result_info",
                         {{"page", page_number},
                          {"per_page", per_page},
                          {"count", count},
                          {"total_count", total},
                          {"total_pages", pages}}}};
  if (cursors) document["result_info"].as_object()["cursors"] = std::move(*cursors);
  return {200, {{"Content-Type", "application/json"}}, json::serialize(document)};
}

// `/policies/0/name` -> `policies[0].name`
std::string field_of(std::string_view pointer) {
  std::string field;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    std::string token(pointer.substr(0, end));
    pointer.remove_prefix(end);
    const bool is_index =
        !token.empty() && token.find_first_not_of("0123456789") == std::string::npos;
    for (const auto& [escape, plain] : {std::pair{"~1", "/"}, std::pair{"~0", "~"}}) {
      for (auto at = token.find(escape); at != std::string::npos; at = token.find(escape, at + 1))
        token.replace(at, 2, plain);
    }
    if (is_index && !field.empty()) {
      field += fmt::format("[{}]", token);
    } else {
      if (!field.empty()) field += '.';
      field += token;
    }
  }
  return field;
}

ApiError invalid_request(std::string_view pointer, std::string_view message) {
  const std::string field = field_of(pointer);
  return {kInvalidRequest,
          fmt::format("access.api.error.invalid_request: {}{}{}", field,
                      field.empty() || message.empty() ? "" : ": ", message),
          std::string(pointer)};
}

// What stays as it is when it is tried again: the official libraries repeat a 409 otherwise.
void no_retry(net::HttpResponse& response) {
  response.headers.emplace_back("x-should-retry", "false");
}

std::string texts_of(const std::vector<controlplane::ChangeProblem>& problems) {
  std::string texts;
  for (const auto& problem : problems) {
    if (!texts.empty()) texts += "; ";
    texts += problem.message;
  }
  return texts;
}

}  // namespace

net::HttpResponse success(json::value result, int status) {
  return envelope(status, true, std::move(result), {});
}

net::HttpResponse list(json::array page, std::size_t page_number, std::size_t per_page,
                       std::size_t total) {
  return collection(std::move(page), page_number, per_page, total);
}

net::HttpResponse whole_list(json::array items) {
  const std::size_t total = items.size();
  return collection(std::move(items), 1, total, total);
}

net::HttpResponse log_page(json::array lines, std::size_t most, json::object cursors) {
  const std::size_t count = lines.size();
  return collection(std::move(lines), 1, most, count, std::move(cursors));
}

net::HttpResponse failure(int status, std::vector<ApiError> errors) {
  json::array list;
  for (ApiError& error : errors) {
    if (list.size() == kMaxErrors) break;
    json::object object{{"code", error.code}, {"message", std::move(error.message)}};
    if (!error.pointer.empty()) object["source"] = json::object{{"pointer", error.pointer}};
    list.push_back(std::move(object));
  }
  return envelope(status, false, nullptr, std::move(list));
}

net::HttpResponse invalid(std::string_view pointer, std::string_view message) {
  return failure(400, {invalid_request(pointer, message)});
}

std::optional<net::HttpResponse> unknown_member(const json::object& body,
                                                std::initializer_list<std::string_view> known,
                                                std::string_view place) {
  for (const auto& [key, value] : body)
    if (std::ranges::find(known, std::string_view(key)) == known.end())
      return invalid(fmt::format("{}/{}", place, std::string_view(key)),
                     fmt::format("is not one of {}", fmt::join(known, ", ")));
  return std::nullopt;
}

net::HttpResponse not_found() {
  return failure(404, {{kNotFound, "access.api.error.not_found", ""}});
}

net::HttpResponse conflict(std::string_view message) {
  auto response =
      failure(409, {{kConflict, fmt::format("access.api.error.conflict: {}", message), ""}});
  no_retry(response);
  return response;
}

net::HttpResponse precondition_failed() {
  return failure(412, {{kChanged,
                        "access.api.error.precondition_failed: it has changed since the `ETag` of "
                        "`If-Match` was read",
                        ""}});
}

net::HttpResponse unavailable() {
  auto response =
      failure(503, {{kUnavailable, "the store cannot be used now; nothing was changed", ""}});
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

net::HttpResponse change_failed(const controlplane::ChangeError& error) {
  using Kind = controlplane::ChangeErrorKind;
  switch (error.kind) {
    case Kind::Invalid: {
      std::vector<ApiError> errors;
      for (const auto& problem : error.problems)
        errors.push_back(invalid_request(problem.pointer, problem.message));
      if (errors.empty()) errors.push_back(invalid_request("", "it cannot be put in force"));
      return failure(400, std::move(errors));
    }
    case Kind::NotFound:
      return not_found();
    case Kind::InUse:
      return failure(400, {invalid_request("", "in use: " + texts_of(error.problems))});
    case Kind::Conflict:
      return conflict(texts_of(error.problems));
    case Kind::Changed:
      return precondition_failed();
    case Kind::StoreUnavailable:
      return unavailable();
    case Kind::NotEnforceable: {
      auto response = failure(
          503,
          {{kUnavailable,
            "it cannot be enforced, so nothing was changed: " + texts_of(error.problems), ""}});
      no_retry(response);
      return response;
    }
  }
  return unavailable();
}

}  // namespace gatehouse::adapters::admin_api
