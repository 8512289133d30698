#include "controlplane/application_cookies.h"

#include <gtest/gtest.h>

namespace gatehouse::controlplane {
namespace {

model::Application scoped(std::vector<std::string> domains) {
  model::Application application;
  application.domains = std::move(domains);
  application.path_cookie_attribute = true;
  return application;
}

struct Case {
  const char* name;
  const char* domain;
  const char* host;
  const char* redirect;
  const char* path;
};
constexpr Case kCases[] = {
    {"the whole host", "a.example.com", "a.example.com", "/x/y", "/"},
    {"its own path", "a.example.com/wiki", "a.example.com", "/wiki", "/wiki"},
    {"below it", "a.example.com/wiki", "a.example.com", "/wiki/page?x=/y#z", "/wiki"},
    {"a final slash", "a.example.com/wiki/", "a.example.com", "/wiki/", "/wiki"},
    {"several segments", "a.example.com/team/wiki", "a.example.com", "/team/wiki/1", "/team/wiki"},
    {"before the pattern", "a.example.com/team/*/edit", "a.example.com", "/team/1/edit", "/team"},
    {"a pattern within a segment", "a.example.com/team/v*", "a.example.com", "/team/v1", "/team"},
    {"a pattern at the start", "a.example.com/*/edit", "a.example.com", "/1/edit", "/"},
    {"as the browser spells it", "a.example.com/Wiki", "a.example.com", "/wIKI/x", "/wIKI"},
    {"escaped by the browser", "a.example.com/\xc3\xbc", "a.example.com", "/%C3%BC/x", "/%C3%BC"},
    {"another path", "a.example.com/wiki", "a.example.com", "/wikis", "/"},
    {"not that deep", "a.example.com/team/wiki", "a.example.com", "/team", "/"},
    {"a wildcard host", "*.example.com/wiki", "b.example.com", "/wiki", "/wiki"},
    {"one label only", "*.example.com/wiki", "b.c.example.com", "/wiki", "/"},
    {"another host", "a.example.com/wiki", "b.example.com", "/wiki", "/"},
    {"a semicolon", "a.example.com/w;iki", "a.example.com", "/w;iki/x", "/"},
};

TEST(CookiePath, IsWhatTheApplicationCoversOfTheRedirect) {
  for (const auto& test : kCases) {
    auto application = scoped({test.domain});
    EXPECT_EQ(cookie_path(application, test.host, test.redirect), test.path) << test.name;
    application.path_cookie_attribute = false;
    EXPECT_EQ(cookie_path(application, test.host, test.redirect), "/") << test.name;
  }
}

TEST(CookiePath, TheLongestOfSeveralDomainsCounts) {
  const auto application = scoped({"a.example.com/x", "a.example.com/x/y", "b.example.com/x/y/z"});
  EXPECT_EQ(cookie_path(application, "a.example.com", "/x/1"), "/x");
  EXPECT_EQ(cookie_path(application, "a.example.com", "/x/y/z"), "/x/y");
}

TEST(CookiePaths, OfAHostAreThoseOfItsApplications) {
  model::Resources resources;
  EXPECT_EQ(cookie_paths_on(resources, "a.example.com"), std::vector<std::string>{"/"});
  resources.applications.push_back(scoped({"a.example.com/x", "a.example.com/y/*"}));
  resources.applications.push_back(scoped({"b.example.com/z"}));
  resources.applications.push_back(scoped({"*.example.com/x"}));
  resources.applications.edit(resources.applications.size() - 1).path_cookie_attribute = false;
  EXPECT_EQ(cookie_paths_on(resources, "a.example.com"),
            (std::vector<std::string>{"/", "/x", "/y", "/cdn-cgi/access/"}));
  EXPECT_EQ(cookie_paths_on(resources, "c.example.com"), std::vector<std::string>{"/"});
  EXPECT_EQ(applications_on(resources, "a.example.com").size(), 2U);
}

}  // namespace
}  // namespace gatehouse::controlplane
