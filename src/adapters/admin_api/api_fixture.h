// A gateway with the sample applications and the administration API in front of it, for tests.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/admin_api/admin_api.h"
#include "base/json.h"
#include "controlplane/journey.h"
#include "controlplane/test_support.h"
#include "storage/store.h"

namespace gatehouse::adapters::admin_api::test {

struct Answer {
  int status = 0;
  net::Headers headers;
  std::string text;
  json::object document;  // empty: not JSON

  [[nodiscard]] const json::value& result() const { return document.at("result"); }
  [[nodiscard]] std::string header(std::string_view name) const;
  // Of the first error; 0 and empty where there is none.
  [[nodiscard]] std::int64_t code() const;
  [[nodiscard]] std::string message() const;
};

class ApiTest : public testing::Test {
 protected:
  ApiTest();

  // Path and query below the account; `as`: the role whose token asks.
  Answer send(std::string_view method, std::string_view path, const json::value& body = nullptr,
              storage::Role as = storage::Role::Administrator, const net::Headers& headers = {});
  Answer get(std::string_view path, storage::Role as = storage::Role::Administrator) {
    return send("GET", path, nullptr, as);
  }
  // With this token.
  Answer send_with(const std::string& secret, std::string_view method, std::string_view path,
                   const json::value& body = nullptr, const net::Headers& headers = {});
  std::string issue(std::string_view name, storage::Role role, std::vector<std::string> scopes = {},
                    std::optional<Instant> expires_at = std::nullopt);

  controlplane::Context& context() { return gateway_.context(); }
  controlplane::Browser browser() const;
  controlplane::Journey journey(std::string_view application);
  // Signs in by `Code` on the way to the application; answers the session's nonce.
  std::string sign_in(const std::string& email, std::string_view application = "Wiki",
                      std::string name = "");
  // The session is let into the application, which gets its token.
  void enter(const std::string& nonce, std::string_view application);
  // Evidence of a managed device, of the integration `Tanium`.
  void check_device(const std::string& nonce, const std::string& device, bool managed = true);
  void refuse(const std::string& nonce, std::string_view application, decision::Reason reason);
  std::string user_id(std::string_view email);

  controlplane::test::TestGateway gateway_;
  std::vector<json::object> decisions_;  // the decision log, newest first
  std::string account_;
  std::map<storage::Role, std::string> secrets_;
  net::Router router_;
};

}  // namespace gatehouse::adapters::admin_api::test
