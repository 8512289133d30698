#include "policy/syntax.h"

#include <gtest/gtest.h>

namespace gatehouse::policy {
namespace {

std::string text_of(const std::optional<std::string>& problem) { return problem.value_or(""); }

struct Case {
  std::string text;
  std::string problem;  // empty: fine
};

TEST(Syntax, Hosts) {
  const std::string label63(63, 'a');
  const std::string host253 = label63 + "." + label63 + "." + label63 + "." + std::string(61, 'b');
  const Case cases[] = {
      {"app.example.com", ""},
      {"localhost", ""},
      {"xn--bcher-kva.example", ""},
      {"1.a", ""},
      {"*.example.com", ""},
      {"*.localhost", ""},
      {host253, ""},
      {host253 + "b", "must have at most 253 characters"},
      {label63 + "a.com", "must have labels of at most 63 characters"},
      {"", "must not be empty"},
      {"https://app.example.com", "must not have a scheme: write it as `app.example.com`"},
      {"app.example.com:8443", "must not have a port"},
      {"192.0.2.1", "must be a host name, not an IP address"},
      {"192.0.2", "must be a host name, not an IP address"},
      {"2001:db8::1", "must be a host name, not an IP address"},
      {"app.example.com.", "must not have an empty label or end in a dot"},
      {".example.com", "must not have an empty label or end in a dot"},
      {"*.", "must not have an empty label or end in a dot"},
      {"a..b", "must not have an empty label or end in a dot"},
      {"-a.example.com", "must not have a label that begins or ends with a hyphen"},
      {"a-.example.com", "must not have a label that begins or ends with a hyphen"},
      {"a_b.example.com", "must be a host name such as `app.example.com`"},
      {"a b", "must be a host name such as `app.example.com`"},
      {"a/b", "must be a host name such as `app.example.com`"},
      {"b\xc3\xbc"
       "cher.example",
       "must be in ASCII: write its `xn--` form"},
      {"*", "may have `*` only as its whole first label, as in `*.example.com`"},
      {"a*.example.com", "may have `*` only as its whole first label, as in `*.example.com`"},
      {"a.*.example.com", "may have `*` only as its whole first label, as in `*.example.com`"},
      {"*.*.example.com", "may have `*` only as its whole first label, as in `*.example.com`"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(text_of(host_problem(c.text, Wildcard::Allow)), c.problem) << c.text;
  }
  EXPECT_EQ(text_of(host_problem("*.example.com", Wildcard::Refuse)), "must not be a wildcard");
}

TEST(Syntax, Domains) {
  struct {
    std::string text;
    std::string expected;  // the canonical form, or `!` and the problem
  } cases[] = {
      {"App.Example.com", "app.example.com"},
      {"app.example.com/", "app.example.com"},
      {"app.example.com/Admin/", "app.example.com/Admin"},
      {"*.example.com/a/*", "*.example.com/a/*"},
      {"app.example.com/a*b/c*", "app.example.com/a*b/c*"},
      {"app.example.com/a**", "!must not have `*` more than once in one segment of its path"},
      {"https://app.example.com", "!must not have a scheme: write it as `app.example.com`"},
      {"app.example.com:443", "!must not have a port"},
      {"app.example.com:443/x", "!must not have a port"},
      {"app.example.com?x=1", "!must not have a query"},
      {"app.example.com/a?x=1", "!must not have a query"},
      {"app.example.com/a#b", "!must not have a fragment"},
      {"app.example.com//a", "!must not have `//` in its path"},
      {"app.example.com/a//", "!must not have `//` in its path"},
      {"app.example.com/a/../b", "!must not have `.` or `..` segments in its path"},
      {"app.example.com/..", "!must not have `.` or `..` segments in its path"},
      {"app.example.com/%61", "!must not contain `%`: the path is written decoded and plain"},
      {"app.example.com/a;b", "!must not contain `;`: the path is written decoded and plain"},
      {"app.example.com/a\\b", "!must not contain `\\`: the path is written decoded and plain"},
      {"app.example.com/a b", "!must not contain spaces or control characters"},
      {"/a", "!must not be empty"},
      {"", "!must not be empty"},
  };
  for (const auto& c : cases) {
    const auto domain = canonical_domain(c.text);
    EXPECT_EQ(domain ? *domain : "!" + domain.error(), c.expected) << c.text;
  }
  EXPECT_EQ(host_of_domain("a.example.com/b"), "a.example.com");
  EXPECT_EQ(host_of_domain("a.example.com"), "a.example.com");
}

TEST(Syntax, Services) {
  const std::string forms =
      "must be `http://host:port`, `https://host:port`, `unix:/path` or `http_status:404`";
  const std::string socket =
      "must have an absolute path of letters, digits and `/._-+@~`, as in `unix:/run/app.sock`";
  const std::string status = "must have a status from 200 to 599, as in `http_status:404`";
  const Case cases[] = {
      {"http://127.0.0.1:8080", ""},
      {"http://wiki", ""},
      {"http://my_app:3000", ""},
      {"https://[2001:db8::1]:8443", ""},
      {"unix:/run/app.sock", ""},
      {"http_status:404", ""},
      {"http_status:200", ""},
      {"http_status:599", ""},
      {"http_status:199", status},
      {"http_status:600", status},
      {"http_status:", status},
      {"http_status:4040000000000", status},
      {"http://127.0.0.1:8080/", "must not have a path: write it as `http://127.0.0.1:8080`"},
      {"https://wiki/base?x", "must not have a path: write it as `https://wiki`"},
      {"http://wiki:0", forms},
      {"http://wiki:65536", forms},
      {"http://wiki:80;return", forms},
      {"http://user@wiki", forms},
      {"http://[::1", forms},
      {"http://[127.0.0.1]", forms},
      {"http://", forms},
      {"wiki:80", forms},
      {"tcp://wiki:80", forms},
      {"unix:run/app.sock", socket},
      {"unix:/run/app.sock;", socket},
      {"unix:/run/a b", socket},
      {"unix:/" + std::string(106, 'a'), ""},
      {"unix:/" + std::string(107, 'a'), socket},
  };
  for (const Case& c : cases) EXPECT_EQ(text_of(service_problem(c.text)), c.problem) << c.text;
}

TEST(Syntax, Urls) {
  const std::string form = "must be a URL such as `https://login.example.com/path`";
  const Case cases[] = {
      {"https://login.example.com", ""},
      {"https://login.example.com/realm?x=1", ""},
      {"http://127.0.0.1:9000/", ""},
      {"https://login.example.com#x", "must not have a fragment"},
      {"ftp://login.example.com", form},
      {"login.example.com", form},
      {"https://", form},
      {"https:///x", form},
      {"https://user:password@login.example.com", form},
      {"https://login.example.com/a b", form},
      {"javascript:alert(1)", form},
  };
  for (const Case& c : cases) EXPECT_EQ(text_of(url_problem(c.text)), c.problem) << c.text;
}

TEST(Syntax, Origins) {
  const struct {
    std::string_view text;
    std::string_view origin;  // empty: a problem
  } cases[] = {
      {"https://app.example.com", "https://app.example.com"},
      {"HTTPS://App.Example.com", "https://app.example.com"},
      {"https://app.example.com:443", "https://app.example.com"},
      {"https://app.example.com:8443", "https://app.example.com:8443"},
      {"https://app.example.com:80", "https://app.example.com:80"},
      {"http://app.example.com:80", "http://app.example.com"},
      {"http://app.example.com:443", "http://app.example.com:443"},
      {"http://[2001:db8::1]:3000", "http://[2001:db8::1]:3000"},
      {"capacitor://localhost", "capacitor://localhost"},
      {"https://app.example.com/", ""},
      {"https://a@app.example.com", ""},
      {"https://", ""},
      {"://app.example.com", ""},
      {"1ttp://app.example.com", ""},
      {"https://*.example.com", ""},
      {"app.example.com", ""},
      {"null", ""},
      {"*", ""},
      {"", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(canonical_origin(c.text).value_or(""), c.origin) << c.text;
}

TEST(Syntax, Tokens) {
  for (const std::string_view text : {"X-Requested-With", "a", "!#$%&'*+-.^_`|~0"}) {
    EXPECT_TRUE(is_token(text)) << text;
  }
  for (const std::string_view text : {"", "a b", "a:", "a\"", "\xc3\xa9", "a\n"}) {
    EXPECT_FALSE(is_token(text)) << text;
  }
}

TEST(Syntax, HostsMeet) {
  EXPECT_TRUE(hosts_meet("a.example.com", "a.example.com"));
  EXPECT_TRUE(hosts_meet("*.example.com", "a.example.com"));
  EXPECT_TRUE(hosts_meet("a.example.com", "*.example.com"));
  EXPECT_TRUE(hosts_meet("*.example.com", "*.a.example.com"));
  EXPECT_FALSE(hosts_meet("*.example.com", "example.com"));
  EXPECT_FALSE(hosts_meet("*.example.com", "badexample.com"));
  EXPECT_FALSE(hosts_meet("a.example.com", "b.example.com"));
}

}  // namespace
}  // namespace gatehouse::policy
