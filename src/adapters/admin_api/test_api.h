// The administration API with options, documents and requests of one's own, for tests of what
// stands around the operations; those themselves have api_fixture.h.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/admin_api/admin_api.h"
#include "adapters/admin_api/api_fixture.h"
#include "controlplane/api_token.h"
#include "controlplane/test_support.h"

namespace gatehouse::adapters::admin_api::test {

class TestApi {
 public:
  explicit TestApi(const std::function<void(AdminApiOptions&)>& adjust = {},
                   const json::object& document = controlplane::test::sample_document()) {
    gateway.apply(document);
    account = controlplane::account_id(*gateway.store).value();
    secret = issue("administrator", storage::Role::Administrator).secret;
    AdminApiOptions options{.services = {.gateway = *gateway.gateway,
                                         .explain = {},
                                         .health = {},
                                         .decisions = {},
                                         .review = {},
                                         .version = "1.2.3"},
                            .allowed_networks = {*IpNetwork::parse("127.0.0.0/8")},
                            .trusted = {}};
    options.requests = 0;
    if (adjust) adjust(options);
    router_ = make_admin_api_router(std::move(options));
  }

  [[nodiscard]] controlplane::IssuedApiToken issue(const std::string& name, storage::Role role,
                                                   std::vector<std::string> scopes = {},
                                                   std::optional<Instant> expires_at = {}) {
    auto issued = controlplane::issue_api_token(
        *gateway.store, {name, role, std::move(scopes), expires_at}, "test", gateway.now);
    if (!issued) throw std::runtime_error(std::string(controlplane::to_string(issued.error())));
    return *issued;
  }

  // `path`: below the account, `access/apps?page=2`, or from / on. Headers replace those that a
  // client sends, an empty value leaves one out.
  [[nodiscard]] Answer send_text(std::string_view method, std::string_view path, std::string body,
                                 const net::Headers& headers = {}) {
    net::HttpRequest request;
    request.method = method;
    request.target = path.starts_with('/')
                         ? std::string(path)
                         : "/client/v4/accounts/" + account + "/" + std::string(path);
    const auto mark = request.target.find('?');
    request.path = request.target.substr(0, mark);
    if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
    request.body = std::move(body);
    net::Headers usual{{"Host", "auth.example.com"},
                       {"Gatehouse-Client-Ip", "127.0.0.1"},
                       {"Authorization", "Bearer " + secret}};
    if (!request.body.empty()) usual.emplace_back("Content-Type", "application/json");
    for (const auto& header : usual) {
      const bool is_replaced = std::ranges::any_of(
          headers, [&](const auto& other) { return other.first == header.first; });
      if (!is_replaced) request.headers.push_back(header);
    }
    for (const auto& header : headers)
      if (!header.second.empty()) request.headers.push_back(header);
    auto response = router_(request).handler(request);
    Answer answer{response.status, std::move(response.headers), std::move(response.body), {}};
    if (answer.text.empty()) return answer;
    auto parsed = json::parse(answer.text, {.max_bytes = std::size_t{64} << 20, .max_depth = 64});
    if (!parsed || !parsed->is_object())
      throw std::runtime_error("the answer is not JSON: " + answer.text);
    answer.document = std::move(parsed->get_object());
    return answer;
  }
  [[nodiscard]] Answer send(std::string_view method, std::string_view path,
                            const json::value& body = nullptr, const net::Headers& headers = {}) {
    return send_text(method, path, body.is_null() ? "" : json::serialize(body), headers);
  }
  [[nodiscard]] Answer get(std::string_view path) { return send("GET", path); }

  // Of the configuration in force: moves with every change.
  [[nodiscard]] std::uint64_t sequence() const { return gateway.gateway->snapshot()->sequence(); }

  controlplane::test::TestGateway gateway;
  std::string account;
  std::string secret;  // of an administrator's token

 private:
  net::Router router_;
};

}  // namespace gatehouse::adapters::admin_api::test
