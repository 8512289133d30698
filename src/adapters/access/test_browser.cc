#include "adapters/access/test_browser.h"

#include <gtest/gtest.h>

#include "adapters/access/access_endpoints.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "platform/random.h"

namespace gatehouse::adapters::test {
namespace {

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string unescape(std::string text) {
  text = replace_all(std::move(text), "&quot;", "\"");
  text = replace_all(std::move(text), "&#34;", "\"");
  text = replace_all(std::move(text), "&#39;", "'");
  text = replace_all(std::move(text), "&lt;", "<");
  text = replace_all(std::move(text), "&gt;", ">");
  return replace_all(std::move(text), "&amp;", "&");
}

std::string form_of(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string body;
  for (const auto& [name, value] : fields) {
    if (!body.empty()) body += '&';
    body += percent_encode(name) + "=" + percent_encode(value);
  }
  return body;
}

std::string between(std::string_view text, std::string_view from, std::string_view to) {
  const auto begin = text.find(from);
  if (begin == std::string_view::npos) return "";
  const auto rest = text.substr(begin + from.size());
  return std::string(rest.substr(0, rest.find(to)));
}

}  // namespace

Site::Site(controlplane::test::TestGateway& given)
    : gateway(given), router(make_access_router(*given.gateway)) {}

net::HttpResponse Browser::send(std::string method, std::string_view url, net::Headers headers,
                                std::string body) {
  std::string absolute(url);
  if (url.starts_with('/')) absolute = url_.substr(0, url_.find('/', 8)) + absolute;
  url_ = absolute;
  const auto authority_end = absolute.find('/', 8);
  std::string host = absolute.substr(8, authority_end - 8);
  host = host.substr(0, host.find(':'));

  net::HttpRequest request;
  request.method = std::move(method);
  request.target = authority_end == std::string::npos ? "/" : absolute.substr(authority_end);
  const auto question = request.target.find('?');
  request.path = request.target.substr(0, question);
  if (question != std::string::npos) request.query = request.target.substr(question + 1);
  request.headers = std::move(headers);
  request.headers.emplace_back("Host", host);
  request.headers.emplace_back("Gatehouse-Client-Ip", address_);
  request.headers.emplace_back("Gatehouse-Request-Id", random_hex(16));
  std::string line;
  for (const auto& [name, value] : cookies_[host])
    if (!value.empty()) line += (line.empty() ? "" : "; ") + name + "=" + value;
  if (!line.empty()) request.headers.emplace_back("Cookie", line);
  request.body = std::move(body);

  const auto route = site_.router(request);
  auto response = route.handler(request);
  for (const auto& [name, value] : response.headers) {
    if (name != "Set-Cookie") continue;
    const auto equals = value.find('=');
    cookies_[host][value.substr(0, equals)] =
        value.substr(equals + 1, value.find(';') - equals - 1);
  }
  site_.answered.push_back(response);
  return response;
}

net::HttpResponse Browser::post_form(std::string_view url,
                                     const std::vector<std::pair<std::string, std::string>>& fields,
                                     net::Headers headers) {
  headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  return send("POST", url, std::move(headers), form_of(fields));
}

net::HttpResponse Browser::post_json(std::string_view url, const json::object& document,
                                     net::Headers headers) {
  headers.emplace_back("Content-Type", "application/json");
  return send("POST", url, std::move(headers), json::serialize(document));
}

net::HttpResponse Browser::follow(net::HttpResponse response) {
  for (int hop = 0; hop < 10; ++hop) {
    const auto location = header(response, "Location");
    const bool ours = location.starts_with("/cdn-cgi/access/") ||
                      (location.starts_with("https://") && location.find(".example.com") < 40 &&
                       location.find("/cdn-cgi/access/") != std::string::npos &&
                       !location.starts_with(controlplane::test::kProvider));
    if (!ours) return response;
    response = get(location);
  }
  ADD_FAILURE() << "goes round in circles at " << url_;
  return response;
}

std::string Browser::sign_in_parameters(std::string_view application, std::string_view redirect) {
  const auto& configured = site_.gateway.application(application);
  const std::string host =
      configured.domains.front().substr(0, configured.domains.front().find('/'));
  auto& session = cookie(host, "CF_AppSession");
  if (session.empty()) session = "n" + random_hex(16);
  return host + "?kid=" + configured.audience + "&redirect_url=" + percent_encode(redirect) +
         "&app_session=" + base64url_encode(crypto::sha256(session));
}

std::string Browser::login_url(std::string_view application, std::string_view redirect) {
  return "https://auth.example.com/cdn-cgi/access/login/" +
         sign_in_parameters(application, redirect);
}

std::string Browser::posture_url(std::string_view application, std::string_view redirect) {
  return "https://auth.example.com/cdn-cgi/access/posture/" +
         sign_in_parameters(application, redirect);
}

net::HttpResponse Browser::sign_in_with_code(std::string_view application, std::string_view email,
                                             std::string_view redirect) {
  const auto page = follow(get(login_url(application, redirect)));
  const auto entry = post_form(
      "/cdn-cgi/access/pin/request",
      {{"transaction", hidden_field(page, "transaction")}, {"email", std::string(email)}});
  return follow(post_form(
      "/cdn-cgi/access/pin/verify",
      {{"transaction", hidden_field(entry, "transaction")}, {"code", site_.gateway.last_code()}}));
}

net::HttpResponse Browser::sign_in_with_provider(std::string_view application,
                                                 std::string_view redirect) {
  auto away = follow(get(login_url(application, redirect)));
  // Signed in otherwise already: the page says why it is asked again.
  if (const auto transaction = hidden_field(away, "transaction"); !transaction.empty()) {
    std::string method;
    for (const auto& provider : site_.gateway.gateway->resources()->identity_providers)
      if (provider.type == "oidc") method = provider.id;
    away = follow(post_form("https://auth.example.com/cdn-cgi/access/login/any",
                            {{"transaction", transaction}, {"method", method}}));
  }
  const auto query = site_.gateway.provider.authorize(header(away, "Location"));
  return follow(get("https://auth.example.com/cdn-cgi/access/callback?" + query));
}

std::string header(const net::HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (ascii_iequals(key, name)) return value;
  return "";
}

std::string hidden_field(const net::HttpResponse& response, std::string_view name) {
  return unescape(between(response.body, "name=\"" + std::string(name) + "\" value=\"", "\""));
}

json::object instructions(const net::HttpResponse& page) {
  const auto text = unescape(between(page.body, "data-instructions=\"", "\""));
  const auto document = json::parse(text);
  return document && document->is_object() ? document->get_object() : json::object{};
}

std::string challenge(const json::object& given) {
  const auto* fields = json::find_object(given, "fields");
  return fields == nullptr ? "" : std::string(json::find_string(*fields, "nonce").value_or(""));
}

bool contains(const net::HttpResponse& response, std::string_view text) {
  return response.body.find(text) != std::string::npos;
}

}  // namespace gatehouse::adapters::test
