#include "adapters/dashboard/dashboard.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <utility>

#include "adapters/admin_api/admin_api.h"
#include "adapters/admin_api/envelope.h"
#include "base/encoding.h"
#include "base/json.h"
#include "decision/reason.h"

namespace gatehouse::adapters {
namespace {

using decision::Effect;
using decision::Reason;
using net::HttpRequest;
using net::HttpResponse;

constexpr std::string_view kApi = "/client/v4/";
constexpr std::string_view kNotBuilt =
    "The dashboard has not been built: run tools/web and start the gateway again, or say in the "
    "configuration where it is (dashboard.web_directory).\n";

gh_text text(std::string_view value) { return {value.data(), value.size()}; }

// In the API's envelope; `login_url`: where the person can sign in, empty for nowhere.
HttpResponse refusal(int status, int code, std::string_view message, std::string_view reason = {},
                     std::string_view login_url = {}) {
  json::object body{{"success", false},
                    {"errors", json::array{json::object{{"code", code}, {"message", message}}}},
                    {"messages", json::array{}},
                    {"result", nullptr}};
  if (!reason.empty()) body["reason"] = reason;
  if (!login_url.empty()) body["login_url"] = login_url;
  return {status,
          {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
          json::serialize(body)};
}

HttpResponse forbidden(std::string_view message, std::string_view reason = {}) {
  return refusal(403, admin_api::kUnauthorized, message, reason);
}

storage::Role role_of(const decision::CompiledPolicy& policy) {
  switch (policy.dashboard_role.value_or(model::DashboardRole::ReadOnly)) {
    case model::DashboardRole::Administrator:
      return storage::Role::Administrator;
    case model::DashboardRole::HelpDesk:
      return storage::Role::HelpDesk;
    case model::DashboardRole::ReadOnly:
      break;
  }
  return storage::Role::ReadOnly;
}

// DER of what nginx calls $ssl_client_escaped_cert; empty: there is none, or none that can be read.
std::string certificate_of(const HttpRequest& request) {
  const auto escaped = request.header("Gatehouse-Client-Certificate");
  const auto pem = percent_decode(escaped.value_or(""));
  if (!pem) return {};
  std::string base64;
  std::string_view rest = *pem;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    if (!line.starts_with("-----")) base64 += trim(line);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return base64_decode(base64).value_or("");
}

class Dashboard {
 public:
  explicit Dashboard(DashboardOptions options)
      : clock_(std::move(options.clock)),
        files_(std::move(options.files)),
        point_(std::move(options.point)),
        api_(make_admin_api_router(
            {.services = std::move(options.services),
             .allowed_networks = {},
             .requests = options.requests,
             .window = kDashboardWindow,
             .trusted = std::nullopt,
             .person = [this](const HttpRequest& request, const IpAddress& client) {
               return person(request, client);
             }})) {}
  Dashboard(const Dashboard&) = delete;
  Dashboard& operator=(const Dashboard&) = delete;

  net::Route route(const HttpRequest& request) {
    if (!request.path.starts_with(kApi)) {
      return {net::Pool::Inline, [this](const HttpRequest& r) { return guarded(file(r)); }};
    }
    net::Route route = api_(request);
    return {route.pool, [this, handler = std::move(route.handler)](const HttpRequest& r) {
              auto refused = refuse_foreign(r);
              return guarded(refused ? std::move(*refused) : handler(r));
            }};
  }

 private:
  static HttpResponse guarded(HttpResponse response) {
    add_page_protection(response);
    return response;
  }

  HttpResponse file(const HttpRequest& request) const {
    if (files_) return files_->answer(request);
    return {503,
            {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
            std::string(kNotBuilt)};
  }

  // Where this host is, as browsers say it.
  std::string origin_of(const HttpRequest& request) const {
    const std::lock_guard lock(mutex_);
    return fmt::format("https://{}{}", request.header("Host").value_or(""), port_);
  }

  // What no page of this host has sent.
  std::optional<HttpResponse> refuse_foreign(const HttpRequest& request) {
    for (const std::string_view name :
         {"Authorization", "X-Auth-Email", "X-Auth-Key", "X-Auth-User-Service-Key"}) {
      if (request.count(name) == 0) continue;
      return refusal(400, admin_api::kInvalidHeaders,
                     fmt::format("Invalid request headers: `{}` does not count here; programs ask "
                                 "on the auth domain",
                                 name));
    }
    if (request.header("X-Requested-With") != "gatehouse-dashboard")
      return forbidden(
          "only the dashboard may ask: `X-Requested-With: gatehouse-dashboard` is missing");
    if (request.count("Sec-Fetch-Site") > 0 && request.header("Sec-Fetch-Site") != "same-origin")
      return forbidden("only the dashboard may ask: `Sec-Fetch-Site` is not `same-origin`");
    if (request.count("Origin") > 0) {
      refresh_port();
      if (request.header("Origin") != origin_of(request))
        return forbidden("only the dashboard may ask: `Origin` is another one");
    }
    return std::nullopt;
  }

  void refresh_port() {
    const std::lock_guard lock(mutex_);
    point_.refresh(clock_());
    remember_port();
  }
  // The issuer is `https://`, the auth domain and, where it is not the usual one, the port of all
  // hosts. Under mutex_.
  void remember_port() {
    const auto* snapshot = point_.snapshot();
    if (snapshot == nullptr) return;
    port_ = snapshot->issuer().substr(std::string_view("https://").size() +
                                      snapshot->auth_domain().size());
  }

  // The person of the assertion and what the policies let them do at this moment.
  std::expected<PersonOfTheDashboard, HttpResponse> person(const HttpRequest& request,
                                                           const IpAddress& client) {
    const std::string_view host = request.header("Host").value_or("");
    const std::string certificate = certificate_of(request);
    gh_credentials credentials{};
    credentials.header_token = text(request.header("Cf-Access-Jwt-Assertion").value_or(""));
    credentials.header_token_count =
        static_cast<unsigned>(request.count("Cf-Access-Jwt-Assertion"));
    const std::array<std::uint8_t, 16> address = client.bytes();
    gh_request asked{};
    asked.host = text(host);
    asked.target = text(request.target);
    asked.address = address.data() + (client.is_v4() ? 12 : 0);
    asked.address_size = client.is_v4() ? 4 : 16;
    asked.now = to_epoch_seconds(clock_());
    asked.is_options = request.method == "OPTIONS" ? 1 : 0;
    asked.credentials = &credentials;
    asked.lookup.certificate = [](void* source) {
      return text(*static_cast<const std::string*>(source));
    };
    asked.lookup.source = const_cast<std::string*>(&certificate);  // C: only read

    const std::lock_guard lock(mutex_);
    const auto outcome = point_.decide(asked);
    const auto& decision = outcome.decision;
    remember_port();
    if (!outcome.node_state_usable) return std::unexpected(admin_api::unavailable());
    // INVARIANT 8: of a dashboard only; by now this host may belong to something else.
    const bool is_dashboard = outcome.application != nullptr &&
                              outcome.application->type == model::ApplicationType::Dashboard;
    if (!is_dashboard) return std::unexpected(forbidden("this host is not the dashboard's"));
    if (decision.effect == Effect::Challenge || decision.effect == Effect::Deny)
      return std::unexpected(refused(decision, host));
    const auto* policy = decision.policy;
    if (decision.effect != Effect::Allow || policy == nullptr ||
        policy->action != model::Action::Allow || outcome.session == nullptr) {
      return std::unexpected(
          forbidden("the dashboard is for people whom an Allow policy lets in; programs use an API "
                    "token, on the auth domain"));
    }
    if (outcome.session->identity.email.empty())
      return std::unexpected(forbidden("the login method said no email address"));
    PersonOfTheDashboard person;
    person.authority.name = outcome.session->identity.email;
    person.authority.role = role_of(*policy);
    person.session = outcome.session->nonce;
    return person;
  }

  // 401: signing in, or whatever else that page asks for, can change it.
  [[nodiscard]] HttpResponse refused(const decision::Decision& decision,
                                     std::string_view host) const {
    const auto& reason = decision::info(decision.reason);
    const std::string message = fmt::format("{}. {}", reason.title, reason.advice);
    if (decision.effect == Effect::Deny) return forbidden(message, reason.code);
    return refusal(401, admin_api::kAuthentication, message, reason.code,
                   fmt::format("https://{}{}/", host, port_));
  }

  const std::function<Instant()> clock_;
  const std::shared_ptr<const WebFiles> files_;
  mutable std::mutex mutex_;
  enforcement::EnforcementPoint point_;  // under mutex_: microseconds each time
  std::string port_;                     // likewise: empty or `:8443`
  net::Router api_;
};

}  // namespace

net::Router make_dashboard_router(DashboardOptions options) {
  options.point.binding_is_checked = true;  // nginx has
  return [dashboard = std::make_shared<Dashboard>(std::move(options))](const HttpRequest& request) {
    return dashboard->route(request);
  };
}

}  // namespace gatehouse::adapters
