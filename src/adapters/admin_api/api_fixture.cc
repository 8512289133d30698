#include "adapters/admin_api/api_fixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "controlplane/api_token.h"
#include "controlplane/session.h"
#include "controlplane/sign_in.h"
#include "crypto/digest.h"

namespace gatehouse::adapters::admin_api::test {
namespace {

using controlplane::test::sample_document;

constexpr std::string_view kAppSession = "the-application's-cookie";

}  // namespace

std::string Answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (ascii_iequals(key, name)) return value;
  return "";
}

std::int64_t Answer::code() const {
  const auto* errors = json::find_array(document, "errors");
  return errors == nullptr || errors->empty() ? 0 : errors->front().at("code").as_int64();
}

std::string Answer::message() const {
  const auto* errors = json::find_array(document, "errors");
  return errors == nullptr || errors->empty()
             ? ""
             : std::string(errors->front().at("message").as_string());
}

ApiTest::ApiTest() {
  gateway_.apply(sample_document());
  account_ = controlplane::account_id(*gateway_.store).value();
  secrets_[storage::Role::Administrator] = issue("administrator", storage::Role::Administrator);
  secrets_[storage::Role::ReadOnly] = issue("reader", storage::Role::ReadOnly);
  secrets_[storage::Role::HelpDesk] = issue("help", storage::Role::HelpDesk);
  Services services{
      .gateway = *gateway_.gateway,
      .explain = [](const json::value& question) -> std::expected<json::object, std::string> {
        if (!question.is_object()) return std::unexpected("--app: says nothing");
        return json::object{{"asked", question}};
      },
      .health = [] { return json::object{{"status", "ok"}}; },
      .decisions = [this](const dataplane::DecisionsAsked& asked)
          -> std::optional<dataplane::DecisionsFound> {
        if (asked.older_than == "bad" || asked.newer_than == "bad") return std::nullopt;
        dataplane::DecisionsFound found{{}, "older", "newer"};
        for (const auto& line : decisions_) {
          if (found.lines.size() == asked.limit) return found;
          const auto take = asked.take(line);
          if (take == dataplane::Take::Stop) break;
          if (take == dataplane::Take::Yes) found.lines.push_back(line);
        }
        found.older.reset();
        return found;
      },
      .review =
          [](const json::object&) {
            return json::object{
                {"explanation", nullptr}, {"text", ""}, {"exact", false}, {"note", "none"}};
          },
      .version = "1"};
  router_ = make_admin_api_router({.services = std::move(services),
                                   .allowed_networks = {IpNetwork::parse("192.0.2.0/24").value()},
                                   .requests = 0,
                                   .trusted = std::nullopt});
}

std::string ApiTest::issue(std::string_view name, storage::Role role,
                           std::vector<std::string> scopes, std::optional<Instant> expires_at) {
  return controlplane::issue_api_token(*gateway_.store,
                                       {std::string(name), role, std::move(scopes), expires_at},
                                       "ada@example.com", gateway_.now)
      .value()
      .secret;
}

Answer ApiTest::send(std::string_view method, std::string_view path, const json::value& body,
                     storage::Role as, const net::Headers& headers) {
  return send_with(secrets_.at(as), method, path, body, headers);
}

Answer ApiTest::send_with(const std::string& secret, std::string_view method, std::string_view path,
                          const json::value& body, const net::Headers& headers) {
  net::HttpRequest request;
  request.method = method;
  request.target = fmt::format("/client/v4/accounts/{}/{}", account_, path);
  const auto question = std::min(request.target.find('?'), request.target.size());
  request.path = request.target.substr(0, question);
  request.query = request.target.substr(std::min(question + 1, request.target.size()));
  request.headers = headers;
  request.headers.emplace_back("Authorization", "Bearer " + secret);
  request.headers.emplace_back("Gatehouse-Client-Ip", "192.0.2.9");
  if (!body.is_null()) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = json::serialize(body);
  }
  auto response = router_(request).handler(request);
  Answer answer{response.status, std::move(response.headers), std::move(response.body), {}};
  if (auto document = json::parse(answer.text); document && document->is_object())
    answer.document = std::move(document->get_object());
  return answer;
}

controlplane::Browser ApiTest::browser() const {
  return {"secret", IpAddress::parse("198.51.100.7").value(), "0123456789abcdef0123456789abcdef",
          ""};
}

controlplane::Journey ApiTest::journey(std::string_view name) {
  const auto& application = gateway_.application(name);
  const std::string& domain = application.domains.front();
  const auto slash = domain.find('/');
  return controlplane::begin_journey(context(),
                                     {domain.substr(0, slash), application.audience,
                                      slash == std::string::npos ? "/" : domain.substr(slash) + "/",
                                      base64url_encode(crypto::sha256(kAppSession))})
      .value();
}

std::string ApiTest::sign_in(const std::string& email, std::string_view application,
                             std::string name) {
  model::Identity identity;
  identity.email = email;
  identity.name = std::move(name);
  identity.subject = email;
  for (const auto& provider : context().configuration()->resources->identity_providers)
    if (provider.name == "Code") identity.login_method = provider.id;
  return controlplane::establish_session(context(), browser(), journey(application),
                                         std::move(identity))
      .value()
      .session.nonce;
}

void ApiTest::enter(const std::string& nonce, std::string_view application) {
  const auto where = journey(application);
  const auto session = context().sessions.load(nonce, gateway_.now).value().value();
  const auto code = controlplane::issue_code(context(), where, session, std::chrono::hours{1});
  ASSERT_TRUE(controlplane::redeem_code(context(), browser(), where.host, code, kAppSession));
}

void ApiTest::check_device(const std::string& nonce, const std::string& device, bool managed) {
  model::PostureEvidence evidence;
  for (const auto& integration : context().configuration()->resources->posture_integrations)
    if (integration.name == "Tanium") evidence.integration_id = integration.id;
  evidence.device_id = device;
  evidence.established_at = gateway_.now;
  evidence.last_checkin = gateway_.now;
  evidence.managed = managed;
  ASSERT_TRUE(context()
                  .sessions
                  .change(nonce, gateway_.now,
                          [&](model::Session& session) { session.posture = {evidence}; })
                  .value());
}

void ApiTest::refuse(const std::string& nonce, std::string_view application,
                     decision::Reason reason) {
  const auto session = context().sessions.load(nonce, gateway_.now).value().value();
  (void)controlplane::refuse(context(), browser(), journey(application), session.identity, reason);
}

std::string ApiTest::user_id(std::string_view email) {
  return gateway_.store->find_user(email).value().value().id;
}

}  // namespace gatehouse::adapters::admin_api::test
