#include "adapters/forward_auth/original_request.h"

#include <gtest/gtest.h>

#include <map>

namespace gatehouse::adapters {
namespace {

using Fields = std::map<std::string, std::string>;  // "": left out

const Fields kForwarded = {{"X-Forwarded-Method", "GET"},
                           {"X-Forwarded-Proto", "https"},
                           {"X-Forwarded-Host", "wiki.team.example"},
                           {"X-Forwarded-Uri", "/a?b"},
                           {"X-Forwarded-For", "203.0.113.1"}};
const Fields kNginx = {{"X-Original-Method", "GET"},
                       {"X-Original-URL", "https://wiki.team.example/a?b"},
                       {"X-Real-IP", "203.0.113.1"}};
const Fields kExtAuthz = {{"Host", "wiki.team.example"},
                          {"X-Forwarded-Proto", "https"},
                          {"X-Forwarded-For", "203.0.113.1"}};

const IpRanges& trusted() {
  static const IpRanges ranges(
      {*IpNetwork::parse("10.0.0.0/8"), *IpNetwork::parse("2001:db8:1::/48")});
  return ranges;
}

// `usual` with `changes`; an empty value takes a header away, a `|` in it makes two lines.
net::HttpRequest request_of(Fields usual, const Fields& changes, std::string target) {
  for (const auto& [name, value] : changes) usual[name] = value;
  net::HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  for (const auto& [name, value] : usual) {
    if (value.empty()) continue;
    const auto bar = value.find('|');
    request.headers.emplace_back(name, value.substr(0, bar));
    if (bar != std::string::npos) request.headers.emplace_back(name, value.substr(bar + 1));
  }
  return request;
}

struct Case {
  const char* name;
  ForwardAuthForm form;
  Fields changes;
  std::string expected;  // "METHOD host target client", or the error
};

std::string read(const Case& test, const std::string& target = "/forward-auth/ext-authz/a?b") {
  const Fields& usual = test.form == ForwardAuthForm::Forwarded ? kForwarded
                        : test.form == ForwardAuthForm::Nginx   ? kNginx
                                                                : kExtAuthz;
  const auto original =
      read_original_request(test.form, request_of(usual, test.changes, target), trusted());
  if (!original) return original.error();
  return original->method + " " + original->host + " " + original->target + " " +
         original->client.to_string();
}

TEST(OriginalRequest, IsReadOrRefused) {
  constexpr auto kF = ForwardAuthForm::Forwarded;
  constexpr auto kN = ForwardAuthForm::Nginx;
  constexpr auto kE = ForwardAuthForm::ExtAuthz;
  const std::string good = "GET wiki.team.example /a?b 203.0.113.1";
  const Case cases[] = {
      {"usual", kF, {}, good},
      {"usual", kN, {}, good},
      {"usual", kE, {}, good},
      {"host with port", kF, {{"X-Forwarded-Host", "Wiki.Team.example:8443"}}, good},
      {"root's dot", kF, {{"X-Forwarded-Host", "wiki.team.example."}}, good},
      {"Traefik's scheme of WebSocket", kF, {{"X-Forwarded-Proto", "wss"}}, good},
      {"HEAD", kF, {{"X-Forwarded-Method", "HEAD"}}, "HEAD wiki.team.example /a?b 203.0.113.1"},
      {"OPTIONS",
       kN,
       {{"X-Original-Method", "OPTIONS"}},
       "OPTIONS wiki.team.example /a?b 203.0.113.1"},
      {"raw target",
       kF,
       {{"X-Forwarded-Uri", "//admin/%2fx/../%61?/.."}},
       "GET wiki.team.example //admin/%2fx/../%61?/.. 203.0.113.1"},
      {"raw target",
       kN,
       {{"X-Original-URL", "https://wiki.team.example//admin/%2fx/../%61?:// "}},
       "`X-Original-URL` is not a path with query"},
      {"raw target",
       kN,
       {{"X-Original-URL", "https://wiki.team.example:8443//a/%2fx/../?x://y"}},
       "GET wiki.team.example //a/%2fx/../?x://y 203.0.113.1"},
      {"other form's headers do not count",
       kF,
       {{"X-Original-URL", "https://evil.example/"}, {"X-Real-IP", "192.0.2.66"}},
       good},

      {"no method", kF, {{"X-Forwarded-Method", ""}}, "`X-Forwarded-Method` is missing"},
      {"no method", kN, {{"X-Original-Method", ""}}, "`X-Original-Method` is missing"},
      {"two methods", kF, {{"X-Forwarded-Method", "GET|POST"}}, "`X-Forwarded-Method` is repeated"},
      {"method", kF, {{"X-Forwarded-Method", "GET, POST"}}, "`X-Forwarded-Method` is not a method"},
      {"method",
       kF,
       {{"X-Forwarded-Method", std::string(kMaxMethodBytes + 1, 'A')}},
       "`X-Forwarded-Method` is not a method"},
      {"no scheme", kF, {{"X-Forwarded-Proto", ""}}, "`X-Forwarded-Proto` is missing"},
      {"no scheme", kE, {{"X-Forwarded-Proto", ""}}, "`X-Forwarded-Proto` is missing"},
      {"http",
       kF,
       {{"X-Forwarded-Proto", "http"}},
       "`X-Forwarded-Proto` is not https: applications are reached over TLS only"},
      {"two schemes",
       kF,
       {{"X-Forwarded-Proto", "https, http"}},
       "`X-Forwarded-Proto` is not https: applications are reached over TLS only"},
      {"http",
       kN,
       {{"X-Original-URL", "http://wiki.team.example/a?b"}},
       "`X-Original-URL` is not https: applications are reached over TLS only"},
      {"no host", kF, {{"X-Forwarded-Host", ""}}, "`X-Forwarded-Host` is missing"},
      {"no host", kE, {{"Host", ""}}, "`Host` is missing"},
      {"appended host",
       kF,
       {{"X-Forwarded-Host", "evil.example, wiki.team.example"}},
       "`X-Forwarded-Host` is not a host"},
      {"two hosts",
       kF,
       {{"X-Forwarded-Host", "a.example|wiki.team.example"}},
       "`X-Forwarded-Host` is repeated"},
      {"user in the host",
       kN,
       {{"X-Original-URL", "https://a@wiki.team.example/a"}},
       "`X-Original-URL` is not a host"},
      {"port that is none",
       kF,
       {{"X-Forwarded-Host", "wiki.team.example:x"}},
       "`X-Forwarded-Host` is not a host"},
      {"no target", kF, {{"X-Forwarded-Uri", ""}}, "`X-Forwarded-Uri` is missing"},
      {"two targets", kF, {{"X-Forwarded-Uri", "/a|/b"}}, "`X-Forwarded-Uri` is repeated"},
      {"absolute target",
       kF,
       {{"X-Forwarded-Uri", "https://wiki.team.example/a"}},
       "`X-Forwarded-Uri` is not a path with query"},
      {"asterisk", kF, {{"X-Forwarded-Uri", "*"}}, "`X-Forwarded-Uri` is not a path with query"},
      {"space in the target",
       kF,
       {{"X-Forwarded-Uri", "/a b"}},
       "`X-Forwarded-Uri` is not a path with query"},
      {"no path",
       kN,
       {{"X-Original-URL", "https://wiki.team.example"}},
       "`X-Original-URL` has no path"},
      {"no URL", kN, {{"X-Original-URL", "/a?b"}}, "`X-Original-URL` is not a URL"},
      {"two URLs",
       kN,
       {{"X-Original-URL", "https://wiki.team.example/|https://wiki.team.example/a"}},
       "`X-Original-URL` is repeated"},
      {"no address", kN, {{"X-Real-IP", ""}}, "`X-Real-IP` is missing"},
      {"list of addresses",
       kN,
       {{"X-Real-IP", "203.0.113.1, 10.0.0.1"}},
       "`X-Real-IP` is not an address"},

      {"spoofed chain", kF, {{"X-Forwarded-For", "192.0.2.66, 203.0.113.1"}}, good},
      {"through trusted peers",
       kF,
       {{"X-Forwarded-For", "192.0.2.66, 203.0.113.1, 10.0.0.1 ,2001:db8:1::1"}},
       good},
      {"rubbish left of the client is its own word",
       kF,
       {{"X-Forwarded-For", "unknown, <x>, 203.0.113.1"}},
       good},
      {"every hop is trusted",
       kF,
       {{"X-Forwarded-For", "10.9.9.9, 10.0.0.1"}},
       "GET wiki.team.example /a?b 10.9.9.9"},
      {"IPv6",
       kE,
       {{"X-Forwarded-For", "2001:db8:2::1"}},
       "GET wiki.team.example /a?b 2001:db8:2::1"},
      {"no chain", kF, {{"X-Forwarded-For", ""}}, "`X-Forwarded-For` is missing"},
      {"two chains",
       kF,
       {{"X-Forwarded-For", "192.0.2.66|203.0.113.1"}},
       "`X-Forwarded-For` is repeated"},
      {"unreadable last",
       kF,
       {{"X-Forwarded-For", "203.0.113.1, unknown"}},
       "`X-Forwarded-For` holds something that is not an address"},
      {"empty last",
       kF,
       {{"X-Forwarded-For", "203.0.113.1,"}},
       "`X-Forwarded-For` holds something that is not an address"},
      {"unreadable behind a trusted peer",
       kF,
       {{"X-Forwarded-For", "203.0.113.1:80, 10.0.0.1"}},
       "`X-Forwarded-For` holds something that is not an address"},
      {"Envoy agrees", kE, {{"x-envoy-external-address", "203.0.113.1"}}, good},
      {"Envoy disagrees",
       kE,
       {{"x-envoy-external-address", "203.0.113.2"}},
       "`x-envoy-external-address` contradicts `X-Forwarded-For`"},
      {"Envoy twice",
       kE,
       {{"x-envoy-external-address", "203.0.113.1|203.0.113.1"}},
       "`x-envoy-external-address` is repeated"},
  };
  for (const Case& test : cases) EXPECT_EQ(read(test), test.expected) << test.name;
  const Case envoy{"", kE, {}, ""};
  EXPECT_EQ(read(envoy, "/forward-auth/ext-authz//admin/%2e?x"),
            "GET wiki.team.example //admin/%2e?x 203.0.113.1");
  EXPECT_EQ(read(envoy, "/forward-auth/ext-authz"), "`path` is not a path with query");
  EXPECT_EQ(read(envoy, "/forward-auth/ext-authz?x"), "`path` is not a path with query");
  std::string many = "203.0.113.1";
  for (std::size_t i = 0; i < kMaxForwardedAddresses; ++i) many += ",10.0.0.1";
  EXPECT_EQ(read({"", kF, {{"X-Forwarded-For", many}}, ""}),
            "`X-Forwarded-For` has too many addresses");
}

TEST(OriginalRequest, PassedOnKeepsMethodAndTarget) {
  auto request = request_of(kForwarded, {{"X-Forwarded-Uri", "/elsewhere"}}, "/cdn-cgi/access/x?y");
  request.method = "POST";
  const auto original = read_passed_on(request, trusted());
  ASSERT_TRUE(original) << original.error();
  EXPECT_EQ(original->method, "POST");
  EXPECT_EQ(original->target, "/cdn-cgi/access/x?y");
  EXPECT_EQ(original->host, "wiki.team.example");
  EXPECT_EQ(original->client.to_string(), "203.0.113.1");
  for (const char* name : {"X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-For"}) {
    const auto refused = read_passed_on(request_of(kForwarded, {{name, ""}}, "/"), trusted());
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error(), "`" + std::string(name) + "` is missing");
  }
}

}  // namespace
}  // namespace gatehouse::adapters
