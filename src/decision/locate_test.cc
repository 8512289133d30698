#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "base/check.h"
#include "base/json.h"
#include "decision/snapshot.h"
#include "decision/test_origins.h"
#include "model/limits.h"

namespace gatehouse::decision {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using Apps = std::vector<std::pair<std::string, std::vector<std::string>>>;

std::shared_ptr<const Snapshot> make(const Apps& apps) {
  SnapshotBuilder builder;
  for (const auto& [name, domains] : apps) {
    CompiledApplication application;
    application.name = name;
    application.audience = name;
    builder.add_application(std::move(application), domains);
  }
  return builder.finish();
}

constexpr std::string_view kNone = "none";
constexpr std::string_view kAmbiguous = "ambiguous";

std::string_view locate(const Snapshot& snapshot, std::string_view host, std::string_view path) {
  const auto located = snapshot.locate(host, path);
  if (located.ambiguous) {
    EXPECT_EQ(located.application, nullptr);
    return kAmbiguous;
  }
  return located.application == nullptr ? kNone : located.application->name;
}

std::string_view find(const Snapshot& snapshot, std::string_view host, std::string_view path) {
  const auto* application = snapshot.find_application(host, path);
  return application == nullptr ? kNone : application->name;
}

TEST(FindApplication, ChoosesTheHost) {
  const auto snapshot = make({{"exact", {"a.example.com"}},
                              {"wildcard", {"*.example.com"}},
                              {"deep", {"*.b.example.com"}},
                              {"two", {"one.example", "two.example/x"}}});
  const struct {
    std::string_view host;
    std::string_view expected;
  } cases[] = {
      {"a.example.com", "exact"},
      {"A.Example.COM", "exact"},
      {"a.example.com.", "exact"},
      {"a.example.com..", kNone},
      {"a.example.com:443", kNone},
      {"c.example.com", "wildcard"},
      {"b.example.com", "wildcard"},
      {"c.b.example.com", "deep"},
      {"d.c.b.example.com", kNone},
      {"c.a.example.com", kNone},
      {"example.com", kNone},
      {".example.com", kNone},
      {"xexample.com", kNone},
      {"one.example", "two"},
      {"", kNone},
      {".", kNone},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(find(*snapshot, test.host, "/"), test.expected) << test.host;
    EXPECT_EQ(locate(*snapshot, test.host, "/"), test.expected) << test.host;
    EXPECT_EQ(snapshot->knows_host(test.host), test.expected != kNone) << test.host;
  }
  EXPECT_TRUE(snapshot->knows_host("two.example"));
  EXPECT_EQ(find(*snapshot, "two.example", "/"), kNone);
  EXPECT_EQ(find(*snapshot, "two.example", "/x/y"), "two");
  const std::string long_host = std::string(400, 'a') + ".example.com";
  EXPECT_EQ(find(*snapshot, long_host, "/"), kNone);
}

TEST(FindApplication, ExactHostComesBeforeWildcardPaths) {
  const auto snapshot = make({{"exact", {"a.example.com/x"}},
                              {"root", {"b.example.com"}},
                              {"wild", {"*.example.com"}},
                              {"wild admin", {"*.example.com/admin"}}});
  EXPECT_EQ(find(*snapshot, "a.example.com", "/x/y"), "exact");
  EXPECT_EQ(find(*snapshot, "a.example.com", "/y"), "wild");
  EXPECT_EQ(find(*snapshot, "a.example.com", "/admin/y"), "wild admin");
  EXPECT_EQ(find(*snapshot, "b.example.com", "/admin/y"), "root");
  EXPECT_EQ(find(*snapshot, "c.example.com", "/admin/y"), "wild admin");
  EXPECT_EQ(locate(*snapshot, "a.example.com", "/y/../x"), kAmbiguous);
  EXPECT_EQ(locate(*snapshot, "a.example.com", "/y/%2e%2e/admin"), kAmbiguous);
  EXPECT_EQ(locate(*snapshot, "b.example.com", "/y/../admin"), "root");
}

TEST(FindApplication, ByAudienceAndClientId) {
  SnapshotBuilder builder;
  CompiledApplication application;
  application.audience = "aud";
  builder.add_application(std::move(application), {"a.example"});
  CompiledServiceToken token;
  token.client_id = "client.access";
  builder.add_service_token(std::move(token));
  const auto snapshot = builder.finish();
  EXPECT_EQ(snapshot->application_by_audience("aud"), &snapshot->applications()[0]);
  EXPECT_EQ(snapshot->application_by_audience("Aud"), nullptr);
  EXPECT_EQ(snapshot->application_by_audience(""), nullptr);
  EXPECT_NE(snapshot->service_token_by_client_id("client.access"), nullptr);
  EXPECT_EQ(snapshot->service_token_by_client_id(""), nullptr);
}

TEST(SnapshotBuilder, PutsBypassAndServiceAuthFirstInOrder) {
  CompiledApplication application;
  for (const auto& [name, action] : {std::pair("a", model::Action::Allow),
                                     {"b", model::Action::ServiceAuth},
                                     {"c", model::Action::Block},
                                     {"d", model::Action::Bypass}}) {
    CompiledPolicy policy;
    policy.name = name;
    policy.action = action;
    application.policies.push_back(std::move(policy));
  }
  SnapshotBuilder builder;
  builder.add_application(std::move(application), {"a.example"});
  const auto snapshot = builder.finish();
  std::string order;
  for (const auto& policy : snapshot->applications()[0].policies) order += policy.name;
  EXPECT_EQ(order, "bdac");
}

CompiledApplication named(const std::string& name) {
  CompiledApplication application;
  application.id = name;
  application.name = name;
  application.audience = name;
  return application;
}

std::string names(const Snapshot& snapshot) {
  std::string all;
  for (const auto& application : snapshot.applications()) all += application.name + " ";
  return all;
}

TEST(SnapshotBuilder, BuildsUponAnother) {
  SnapshotBuilder first;
  first.add_application(named("root"), {"h.example", "*.h.example/x"});
  first.add_application(named("admin"), {"h.example/admin", "h.example/Admin/x"});
  first.add_application(named("other"), {"o.example"});
  const auto before = first.finish();

  SnapshotBuilder second(*before);
  second.remove_application("root");
  second.set_sequence(2);
  EXPECT_EQ(names(second.so_far()), "admin other ");
  const auto removed = second.finish();
  EXPECT_EQ(find(*removed, "h.example", "/"), kNone);
  EXPECT_EQ(find(*removed, "h.example", "/admin/y"), "admin");
  EXPECT_EQ(locate(*removed, "h.example", "/ADMIN/x"), kAmbiguous);  // what others wrote is kept
  EXPECT_TRUE(removed->knows_host("h.example"));
  EXPECT_FALSE(removed->knows_host("a.h.example"));
  EXPECT_EQ(removed->application_by_audience("root"), nullptr);
  EXPECT_EQ(removed->application_by_id("root"), nullptr);
  EXPECT_EQ(removed->applications().size(), 2U);
  EXPECT_EQ(removed->applications().front().name, "admin");
  EXPECT_EQ(removed->applications()[1].name, "other");
  EXPECT_EQ(removed->sequence(), 2U);
  // The ones that stay are the same, wherever they are found.
  EXPECT_EQ(removed->sole_application("o.example"), before->sole_application("o.example"));
  EXPECT_EQ(removed->application_by_id("admin"), before->application_by_id("admin"));

  // A new one takes the empty place, and nothing else with it.
  SnapshotBuilder third(*removed);
  third.remove_application("admin");
  third.add_application(named("new"), {"h.example", "n.example/y"});
  third.add_application(named("newer"), {"n.example"});
  third.add_application(named("newest"), {"*.n.example"});
  const auto added = third.finish();
  EXPECT_EQ(added->applications().size(), 4U);
  EXPECT_EQ(find(*added, "h.example", "/admin"), "new");
  EXPECT_EQ(locate(*added, "h.example", "/ADMIN/x"), "new");
  EXPECT_EQ(find(*added, "n.example", "/y"), "new");
  EXPECT_EQ(find(*added, "n.example", "/"), "newer");
  EXPECT_EQ(find(*added, "a.n.example", "/"), "newest");
  EXPECT_EQ(find(*added, "o.example", "/"), "other");
  EXPECT_EQ(added->application_by_audience("new")->name, "new");
  EXPECT_EQ(names(*before), "root admin other ");
  EXPECT_EQ(find(*before, "h.example", "/"), "root");
  EXPECT_EQ(find(*before, "a.h.example", "/x"), "root");

  SnapshotBuilder last(*added);
  for (const char* name : {"new", "newer", "newest", "other"}) last.remove_application(name);
  const auto none = last.finish();
  EXPECT_TRUE(none->applications().empty());
  EXPECT_EQ(none->applications().begin(), none->applications().end());
  EXPECT_FALSE(none->knows_host("o.example"));
}

TEST(SnapshotBuilder, ContestedPathsBecomeFreeAgain) {
  SnapshotBuilder first;
  first.add_application(named("a"), {"h.example/x"});
  first.add_application(named("b"), {"h.example/x", "h.example"});
  const auto contested = first.finish();
  EXPECT_EQ(find(*contested, "h.example", "/x"), kNone);
  SnapshotBuilder second(*contested);
  second.remove_application("a");
  const auto free = second.finish();
  EXPECT_EQ(find(*free, "h.example", "/x"), "b");
  EXPECT_EQ(free->sole_application("h.example")->name, "b");
}

TEST(SnapshotBuilder, ChangesWhatIsNotShared) {
  SnapshotBuilder first;
  CompiledServiceToken token;
  token.id = "id";
  token.client_id = "client.access";
  first.add_service_token(token);
  CompiledList list;
  list.id = "list";
  first.add_list(list);
  first.add_group({"group", "Group", {}, {}});
  first.add_group({"gone", "Gone", {}, {}});
  CompiledPostureRule rule;
  rule.id = "rule";
  first.add_posture_rule(rule);
  first.add_login_method("pin");
  first.add_login_method("oidc");
  first.set_organization("Example", "auth.example", "https://auth.example", 60s);
  const auto before = first.finish();

  SnapshotBuilder second(*before);
  second.remove_service_token("id");
  token.name = "renewed";
  token.client_id = "other.access";
  second.add_service_token(token);
  list.emails.try_emplace("alice@example.com");
  second.replace_list(0, list);
  second.remove_group("gone");
  EXPECT_EQ(second.so_far().next_group(), 2U);
  EXPECT_EQ(second.add_group({"group", "Renamed", {}, {}}), 0U);
  EXPECT_EQ(second.add_group({"new", "New", {}, {}}), 2U);  // the removed one's place stays empty
  rule.require_patched = true;
  EXPECT_EQ(second.add_posture_rule(rule), 0U);
  second.remove_login_method("pin");
  second.set_organization("Renamed", 30s);
  const auto changed = second.finish();
  EXPECT_EQ(changed->service_token_by_client_id("client.access"), nullptr);
  EXPECT_EQ(changed->service_token_by_client_id("other.access")->name, "renewed");
  EXPECT_EQ(changed->service_token_by_id("id")->name, "renewed");
  EXPECT_EQ(changed->list(0).emails.size(), 1U);
  EXPECT_EQ(changed->list_index("list"), 0U);
  EXPECT_EQ(changed->group(*changed->group_index("group")).name, "Renamed");
  EXPECT_EQ(changed->group_index("gone"), std::nullopt);
  EXPECT_THROW(static_cast<void>(changed->group(1)), InvariantViolation);
  EXPECT_TRUE(changed->posture_rule(0).require_patched);
  EXPECT_FALSE(changed->has_login_method("pin"));
  EXPECT_TRUE(changed->has_login_method("oidc"));
  EXPECT_EQ(changed->organization_name(), "Renamed");
  EXPECT_EQ(changed->node_state_max_age(), 30s);
  EXPECT_EQ(changed->auth_domain(), "auth.example");
  EXPECT_EQ(before->group(0).name, "Group");
  EXPECT_EQ(before->group(*before->group_index("gone")).name, "Gone");
  EXPECT_FALSE(before->posture_rule(0).require_patched);
  EXPECT_TRUE(before->has_login_method("pin"));
  EXPECT_EQ(before->organization_name(), "Example");
  EXPECT_EQ(before->service_token_by_client_id("client.access")->name, "");
  EXPECT_TRUE(before->list(0).emails.empty());

  SnapshotBuilder third(*changed);
  EXPECT_THROW(third.remove_service_token("nobody"), InvariantViolation);
  EXPECT_THROW(third.remove_application("nobody"), InvariantViolation);
  EXPECT_THROW(third.add_service_token(token), InvariantViolation);
  EXPECT_THROW(third.remove_group("gone"), InvariantViolation);
  EXPECT_THROW(third.remove_posture_rule("nobody"), InvariantViolation);
  EXPECT_THROW(third.set_organization("", "", "", 1s), InvariantViolation);
  EXPECT_THROW(third.add_list({}), InvariantViolation);
  EXPECT_THROW(third.add_page("id", {}), InvariantViolation);
  EXPECT_THROW(third.add_client_certificates("h.example", nullptr), InvariantViolation);
  EXPECT_THROW(third.set_keys({}), InvariantViolation);
  list.type = model::ListType::Ip;
  EXPECT_THROW(third.replace_list(0, list), InvariantViolation);
}

const Apps kFour = {{"/admin", {"h.example/admin"}},
                    {"/public", {"h.example/public"}},
                    {"/health", {"h.example/health"}},
                    {"/", {"h.example"}}};

struct Row {
  std::string_view name;
  std::string_view raw;
  std::string_view expected;  // with all four applications
};

constexpr Row kRows[] = {
    {"plain", "/admin", "/admin"},
    {"below", "/admin/users", "/admin"},
    {"trailing slash", "/admin/", "/admin"},
    {"another word", "/administrator", "/"},
    {"root", "/", "/"},
    {"public", "/public/x", "/public"},
    {"health", "/health", "/health"},
    {"healthz", "/healthz", "/"},
    {"escape that changes nothing", "/public/a%20b", "/public"},
    {"escape outside", "/docs/a%20b", "/"},
    {"non-ASCII", "/docs/%D0%BF", "/"},
    {"Cyrillic look-alike", "/\u0430dmin", "/"},
    {"dot below", "/admin/.", "/admin"},
    {"dot outside", "/docs/./x", "/"},
    {"dots that stay inside", "/public/a/../b", "/public"},
    {"double slash below", "/admin//", "/admin"},
    {"encoded slash below", "/docs/a%2fb", "/"},
    {"file", "/public/app.css", "/public"},
    {"file at the root", "/favicon.ico", "/"},
    {"upper case elsewhere", "/Users/Bob", "/"},
    {"parameter", "/public/a;b=c", "/public"},
    {"percent sign", "/docs/100%25", "/"},
    {"lone percent sign", "/docs/100%", "/"},
    {"our own prefix", "/cdn-cgi/access/certs", "/"},
    {"our own prefix in upper case", "/CDN-CGI/access/logout", "/"},

    {"dot segment", "/public/../admin", kAmbiguous},
    {"encoded dots", "/public/%2e%2e/admin", kAmbiguous},
    {"encoded slash", "/public/..%2fadmin", kAmbiguous},
    {"encoded backslash", "/public/..%5cadmin", kAmbiguous},
    {"backslash", "/public/..\\admin", kAmbiguous},
    {"encoded twice", "/public/%252e%252e/admin", kAmbiguous},
    {"encoded four times", "/public/%2525252e%2525252e/admin", kAmbiguous},
    {"dots decoded, slash not", "/x%2fy/%2e%2e/admin", kAmbiguous},
    {"overlong", "/public/%c0%ae%c0%ae/admin", kAmbiguous},
    {"overlong slash", "/public/..%c0%af..%c0%afadmin", kAmbiguous},
    {"wide escape", "/public/%u002e%u002e/admin", kAmbiguous},
    {"parameter at the dots", "/public/..;a=b/admin", kAmbiguous},
    {"parameter before the dots", "/public;/../admin", kAmbiguous},
    {"NUL between dots", "/public/.%00./admin", kAmbiguous},
    {"up and down again", "/admin/..", kAmbiguous},
    {"leading dot", "/./admin", kAmbiguous},
    {"double slash", "//admin", kAmbiguous},
    {"double slash as host", "//public/admin", kAmbiguous},
    {"host and health", "//x/health", kAmbiguous},
    {"encoded leading slash", "/%2fadmin", kAmbiguous},
    {"encoded letter", "/%61dmin", kAmbiguous},
    {"letter encoded twice", "/%2561dmin", kAmbiguous},
    {"upper case", "/ADMIN", kAmbiguous},
    {"mixed case below", "/Admin/x", kAmbiguous},
    {"encoded upper case", "/%41dmin", kAmbiguous},
    {"encoded slash at the end", "/admin%2f", kAmbiguous},
    {"encoded slash inside", "/admin%2Fusers", kAmbiguous},
    {"space", "/admin%20", kAmbiguous},
    {"tab", "/admin%09", kAmbiguous},
    {"NUL", "/admin%00.html", kAmbiguous},
    {"line feed", "/admin%0a", kAmbiguous},
    {"header injection", "/admin%0d%0aX: y", kAmbiguous},
    {"parameter", "/admin;", kAmbiguous},
    {"session id", "/admin;jsessionid=1", kAmbiguous},
    {"final dot", "/admin.", kAmbiguous},
    {"extension", "/admin.json", kAmbiguous},
    {"extension and slash", "/admin.json/", kAmbiguous},
    {"upper case and extension", "/ADMIN.json", kAmbiguous},
    {"encoded extension", "/admin%2ejson", kAmbiguous},
    {"question mark given as path", "/admin?", kAmbiguous},
    {"encoded question mark", "/admin%3Fx=/public", kAmbiguous},
    {"fragment", "/admin#", kAmbiguous},
    {"encoded fragment", "/admin%23", kAmbiguous},
    {"fullwidth letter", "/admi%EF%BD%8E", kAmbiguous},
    {"circled letter", "/\u24d0dmin", kAmbiguous},
    {"dotless i", "/adm\u0131n", kAmbiguous},
    {"zero width space", "/admin%E2%80%8B", kAmbiguous},
    {"fraction slash", "/admin\u2044users", kAmbiguous},
    {"broken escape", "/admin%", kAmbiguous},
    {"broken escape with letters", "/admin%zz", kAmbiguous},
    {"stream name", "/admin:$i30:$INDEX_ALLOCATION/x", kAmbiguous},
    {"from health", "/health/..%2fadmin", kAmbiguous},
    {"through our own endpoints", "/cdn-cgi/access/../../admin", kAmbiguous},
    {"above the root", "/../../../admin", kAmbiguous},

    {"empty", "", kAmbiguous},
    {"asterisk", "*", kAmbiguous},
    {"no leading slash", "admin", kAmbiguous},
    {"absolute form", "http://h.example/admin", kAmbiguous},
    {"backslash first", "\\admin", kAmbiguous},
};

TEST(Locate, DecidesEveryRow) {
  const auto snapshot = make(kFour);
  for (const auto& row : kRows)
    EXPECT_EQ(locate(*snapshot, "h.example", row.raw), row.expected) << row.name;
  for (const auto& row : kRows) EXPECT_EQ(locate(*snapshot, "other.example", row.raw), kNone);
}

// Whatever subset of the four applications there is: an application is only named when every origin
// would serve the path under it.
struct Combination {
  std::set<std::string> patterns;
  std::shared_ptr<const Snapshot> snapshot;
};

std::vector<Combination> combinations() {
  std::vector<Combination> made;
  for (unsigned subset = 1; subset < 16; ++subset) {
    Apps apps;
    std::set<std::string> patterns;
    for (unsigned i = 0; i < kFour.size(); ++i) {
      if ((subset >> i & 1U) == 0) continue;
      apps.push_back(kFour[i]);
      patterns.insert(kFour[i].first);
    }
    made.push_back({patterns, make(apps)});
  }
  return made;
}

void expect_safe(std::string raw) {
  static const std::vector<Combination> kCombinations = combinations();
  raw = raw.substr(0, raw.find('?'));
  std::vector<std::pair<std::string_view, std::string>> seen;
  for (const auto& origin : testing::kOrigins) seen.emplace_back(origin.name, origin.path(raw));
  for (const auto& [patterns, snapshot] : kCombinations) {
    const auto located = locate(*snapshot, "h.example", raw);
    if (located == kAmbiguous) continue;
    for (const auto& [origin, path] : seen) {
      const std::string owner = testing::owner(path, patterns);
      EXPECT_EQ(located, owner.empty() ? kNone : owner) << raw << ": " << origin;
    }
  }
}

TEST(Locate, SuitsEveryOriginInEveryCombination) {
  for (const auto& row : kRows) expect_safe(std::string(row.raw));
}

TEST(Locate, SuitsEveryOriginOnSharedHostilePaths) {
  std::ifstream in(GATEHOUSE_SHARED_TESTKIT "/hostile/paths.json");
  if (!in) GTEST_SKIP() << "shared test kit is absent";
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto rows = json::parse(text);
  ASSERT_TRUE(rows && rows->is_array());
  EXPECT_GE(rows->get_array().size(), 82U);
  for (const auto& row : rows->get_array()) {
    std::string raw(json::find_string(row.as_object(), "raw").value());
    raw = testing::replace(raw, "{A*4000}", std::string(4000, 'A'));
    raw = testing::replace(raw, "{host}", "h.example");
    expect_safe(raw);
    // As it is, too: a caller that forgets to cut the query off must not be deceived.
    const auto with_query = locate(*make(kFour), "h.example", raw);
    if (raw.contains('?')) {
      EXPECT_EQ(with_query, kAmbiguous) << raw;
    }
  }
}

TEST(Locate, SuitsEveryOriginOnSharedTraversals) {
  for (const auto* file : {"traversal.txt", "traversal-encodings.txt"}) {
    std::ifstream in(std::string(GATEHOUSE_SHARED_TESTKIT "/hostile/") + file);
    if (!in) GTEST_SKIP() << "shared test kit is absent";
    for (std::string line; std::getline(in, line);)
      for (const auto* target : {"admin", "/admin", "health"})
        expect_safe("/public/" + testing::replace(line, "{FILE}", target));
  }
}

TEST(Locate, SuitsEveryOriginOnRandomSpellings) {
  constexpr std::string_view kParts[] = {
      "/admin", "/admin", "/public", "/health",   "admin", "/x",  "/",      "..",      ".",
      "%2e",    "%2E",    "%2f",     "%5c",       "\\",    ";",   ";a=b",   "%3b",     "%3f",
      "%23",    "#",      "%00",     "%0a",       "%20",   "%",   "%25",    "%252e",   "%c0%ae",
      "%c0%af", "//",     "/..",     "/../",      "/./",   ".js", "%61",    "%2561",   "ADMIN",
      "%u002e", "%%32",   "e",       "%EF%BC%8F", ":",     "+",   "\u0430", "/y%2fz/", "/%2e%2e/",
  };
  std::mt19937 random(20260102);
  for (int round = 0; round < 2'000; ++round) {
    std::string raw = "/";
    for (auto parts = 1 + random() % 7; parts > 0; --parts)
      raw += kParts[random() % std::size(kParts)];
    if (raw.starts_with("//") && random() % 4 != 0) raw.erase(0, 1);
    expect_safe(raw);
  }
}

TEST(Locate, OneApplicationTakesEverySpelling) {
  const auto snapshot = make({{"only", {"h.example", "h.example/admin", "h.example/x/*"}}});
  for (const auto path : {"/"sv, "/admin"sv, "/x/../admin"sv, "/%2561"sv, "/\xff"sv, "/a%00b"sv})
    EXPECT_EQ(locate(*snapshot, "h.example", path), "only") << path;
  for (const auto path : {""sv, "*"sv, "admin"sv, "http://h.example/"sv})
    EXPECT_EQ(locate(*snapshot, "h.example", path), kAmbiguous) << path;
}

TEST(Locate, LengthIsBounded) {
  const std::string longest = "/" + std::string(model::kMaxUrlBytes - 1, 'a');
  for (const auto& snapshot : {make({{"only", {"h.example"}}}), make(kFour)}) {
    EXPECT_NE(locate(*snapshot, "h.example", longest), kAmbiguous);
    EXPECT_EQ(locate(*snapshot, "h.example", longest + "a"), kAmbiguous);
  }
}

TEST(Locate, UpperCasePatternsGuardLowerCasePaths) {
  const auto snapshot = make({{"admin", {"h.example/Admin"}}, {"root", {"h.example"}}});
  EXPECT_EQ(locate(*snapshot, "h.example", "/Admin/x"), "admin");
  EXPECT_EQ(locate(*snapshot, "h.example", "/admin/x"), kAmbiguous);
  EXPECT_EQ(locate(*snapshot, "h.example", "/other"), "root");
}

TEST(Locate, PatternsThatDifferInCaseAloneAreNobodys) {
  const auto snapshot = make({{"one", {"h.example/Admin"}}, {"two", {"h.example/admin"}}});
  EXPECT_EQ(locate(*snapshot, "h.example", "/Admin"), kAmbiguous);
  EXPECT_EQ(locate(*snapshot, "h.example", "/admin"), kAmbiguous);
}

TEST(Locate, EncodedPatternsMatchBothSpellings) {
  for (const auto* domain : {"h.example/caf%C3%A9", "h.example/caf\u00e9"}) {
    const auto snapshot = make({{"cafe", {domain}}, {"root", {"h.example"}}});
    EXPECT_EQ(locate(*snapshot, "h.example", "/caf%C3%A9/x"), "cafe");
    EXPECT_EQ(locate(*snapshot, "h.example", "/caf\u00e9"), "cafe");
    EXPECT_EQ(find(*snapshot, "h.example", "/caf\u00e9/x"), "cafe");
    EXPECT_EQ(locate(*snapshot, "h.example", "/cafe"), "root");
  }
}

TEST(Locate, AFileThatIsNamedIsNoGuessAboutExtensions) {
  const auto snapshot =
      make({{"app", {"h.example/app"}}, {"style", {"h.example/app.css"}}, {"root", {"h.example"}}});
  EXPECT_EQ(locate(*snapshot, "h.example", "/app.css"), "style");
  EXPECT_EQ(locate(*snapshot, "h.example", "/app"), "app");
  EXPECT_EQ(locate(*snapshot, "h.example", "/app.js"), kAmbiguous);
}

TEST(Locate, WildcardPaths) {
  const auto snapshot = make({{"below", {"h.example/alpha/*"}}, {"root", {"h.example"}}});
  EXPECT_EQ(locate(*snapshot, "h.example", "/alpha/x"), "below");
  EXPECT_EQ(locate(*snapshot, "h.example", "/alpha"), "root");
  EXPECT_EQ(locate(*snapshot, "h.example", "/alpha/"), "root");
  EXPECT_EQ(locate(*snapshot, "h.example", "/alpha/.."), kAmbiguous);
  EXPECT_EQ(locate(*snapshot, "h.example", "/alpha%2fx"), kAmbiguous);
}

TEST(SnapshotBuilder, RefusesGroupsNestedTooDeep) {
  class Member final : public Matcher {
   public:
    explicit Member(std::uint32_t group) : groups_{group} {}
    [[nodiscard]] Match match(const Snapshot&, const Evidence&, Instant) const override {
      return kTrue;
    }
    [[nodiscard]] std::string describe() const override { return "member"; }
    [[nodiscard]] std::span<const std::uint32_t> groups() const override { return groups_; }

   private:
    std::vector<std::uint32_t> groups_;
  };
  const auto build = [](std::uint32_t depth, bool cycle) {
    SnapshotBuilder builder;
    for (std::uint32_t i = 0; i < depth; ++i) {
      CompiledGroup group;
      group.id = std::to_string(i);
      if (i + 1 < depth || cycle)
        group.rules.exclude.push_back(std::make_unique<Member>((i + 1) % depth));
      builder.add_group(std::move(group));
    }
    return builder.finish();
  };
  EXPECT_NO_THROW(build(model::kMaxGroupDepth, false));
  EXPECT_THROW(build(model::kMaxGroupDepth + 1, false), InvariantViolation);
  EXPECT_THROW(build(1, true), InvariantViolation);
  EXPECT_THROW(build(5, true), InvariantViolation);

  // Also when a change leads there.
  const auto three = build(3, false);
  SnapshotBuilder cycle(*three);
  CompiledGroup last;
  last.id = "2";
  last.rules.include.push_back(std::make_unique<Member>(0));
  cycle.add_group(std::move(last));
  EXPECT_NE(cycle.badly_nested_group(), nullptr);
  EXPECT_THROW(static_cast<void>(cycle.finish()), InvariantViolation);
  SnapshotBuilder dangling(*three);
  dangling.remove_group("1");
  EXPECT_EQ(dangling.badly_nested_group()->id, "0");
  EXPECT_THROW(static_cast<void>(dangling.finish()), InvariantViolation);
  SnapshotBuilder shorter(*three);
  shorter.remove_group("0");
  EXPECT_EQ(shorter.badly_nested_group(), nullptr);
  EXPECT_NO_THROW(static_cast<void>(shorter.finish()));
}

}  // namespace
}  // namespace gatehouse::decision
