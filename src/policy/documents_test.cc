#include "policy/documents.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/encoding.h"
#include "jose/jwk.h"
#include "policy/edit_for_test.h"
#include "selectors/registry.h"

namespace gatehouse::policy {
namespace {

constexpr std::string_view kBase = R"json({
  "organization": {"name": "Example", "auth_domain": "auth.example.com",
                   "custom_pages": {"forbidden": "Refused"}},
  "identity_providers": [
    {"name": "Pin", "type": "onetimepin"},
    {"name": "Corporate", "type": "oidc",
     "config": {"issuer": "https://login.example.com", "client_id": "a",
                "client_secret": "hunter2"}}],
  "device_posture_integrations": [
    {"name": "Intune", "type": "intune", "interval": "10m",
     "config": {"client_id": "a", "client_secret": "hunter2", "customer_id": "b"}}],
  "device_posture_rules": [
    {"name": "Compliant", "type": "intune",
     "input": {"connection_id": "Intune", "compliance_status": "compliant"}}],
  "lists": [{"name": "Board", "type": "EMAIL", "items": ["alice@example.com"]},
            {"name": "Offices", "type": "IP", "items": []}],
  "groups": [
    {"name": "Robots", "include": [{"service_token": {"token_id": "Token 0"}}]},
    {"name": "Directors", "include": [{"email_list": {"id": "Board"}}]}],
  "service_tokens": [
    {"name": "Token 0", "client_secret_hash":
     "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    {"name": "Token 1", "client_secret_hash":
     "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    {"name": "Token 2", "client_secret_hash":
     "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}],
  "custom_pages": [
    {"name": "Refused", "type": "forbidden", "custom_html": "a"},
    {"name": "Page 1", "type": "identity_denied", "custom_html": "b"},
    {"name": "Page 2", "type": "login", "custom_html": "c"}],
  "tags": [{"name": "one"}, {"name": "two"}, {"name": "three"}],
  "bookmarks": [{"name": "Start", "domain": "start.example.com"}, {"name": "Other"}],
  "policies": [{"name": "Staff", "decision": "allow", "include": [{"everyone": {}}]}],
  "applications": [
    {"name": "App 0", "domain": "app0.example.com", "tags": ["one"],
     "policies": ["Staff", {"name": "Robot", "decision": "non_identity",
                            "include": [{"service_token": {"token_id": "Token 1"}}]}]},
    {"name": "App 1", "domain": "app1.example.com", "custom_pages": ["Page 1"],
     "policies": [{"name": "Directors", "decision": "allow",
                   "include": [{"group": {"id": "Directors"}}]}]},
    {"name": "App 2", "domain": "app2.example.com/x", "tags": ["two", "one"]},
    {"name": "Link", "type": "bookmark", "domain": "elsewhere.example", "tags": ["two"]}],
  "ingress": [{"service": "http://127.0.0.1:8080"}]
})json";

model::Resources base() {
  const json::value document = json::parse(kBase).value();
  auto read = read_resources(document, selectors::registry(), Secrets::Include);
  if (read) return std::move(*read);
  for (const Problem& problem : read.error()) {
    ADD_FAILURE() << problem.pointer << ": " << problem.message;
  }
  return {};
}

struct OwnedEdit {
  Kind kind = Kind::Organization;
  std::string id;
  std::optional<json::object> body;
};
using Edited = std::expected<model::Resources, std::vector<EditProblem>>;

Edited edit(const model::Resources& current, const std::vector<OwnedEdit>& owned) {
  std::vector<DocumentEdit> edits;
  for (const OwnedEdit& one : owned) {
    edits.push_back({one.kind, one.id, one.body ? &*one.body : nullptr});
  }
  return edit_resources(current, edits, selectors::registry());
}

// The same with an edit of another kind that changes nothing: everything is read anew.
Edited edit_whole(const model::Resources& current, std::vector<OwnedEdit> owned) {
  owned.push_back({Kind::Ingress, "ingress", document_of(current, Kind::Ingress, "ingress")});
  return edit(current, owned);
}

std::string text_of(const Edited& edited) {
  if (edited) return json::serialize(write_resources(*edited, Secrets::Include));
  std::string text;
  for (const EditProblem& problem : edited.error()) {
    if (!text.empty()) text += '\n';
    text += fmt::format("{}{}: {}{}", problem.edit, problem.problem.pointer,
                        problem.in_use ? "(in use) " : "", problem.problem.message);
  }
  return text;
}

const std::string& id_in(const model::Resources& all, Kind kind, std::string_view name) {
  static std::string id;
  for (const Document& document : documents_of(all)) {
    if (document.kind == kind && document.name == name) id = document.id;
  }
  return id;
}

OwnedEdit changed(const model::Resources& all, Kind kind, std::string_view name,
                  std::string_view pointer, const json::value& value) {
  const std::string id = id_in(all, kind, name);
  json::value body = document_of(all, kind, id).value();
  put(body, pointer, value);
  return {kind, id, body.get_object()};
}

TEST(Kinds, HaveNamesAndSections) {
  EXPECT_EQ(all_kinds().size(), kKinds);
  for (const Kind kind : all_kinds()) {
    EXPECT_EQ(kind_of_section(section_of(kind)), kind);
    EXPECT_FALSE(noun_of(kind).empty());
  }
  EXPECT_EQ(kind_of_section("listen"), std::nullopt);
}

TEST(Documents, KeepTheirOrder) {
  Documents documents;
  const auto put_one = [&](std::string id, std::string name) {
    Document document;
    document.kind = Kind::Tag;
    document.id = std::move(id);
    document.name = std::move(name);
    documents.put(std::move(document));
  };
  put_one("a", "1");
  put_one("b", "2");
  put_one("c", "3");
  const Documents before = documents;
  put_one("b", "4");
  documents.remove(Kind::Tag, "a");
  documents.remove(Kind::Tag, "z");
  documents.remove(Kind::Group, "b");
  ASSERT_EQ(documents.of(Kind::Tag).size(), 2u);
  EXPECT_EQ(documents.of(Kind::Tag)[0]->name, "4");
  EXPECT_EQ(documents.find(Kind::Tag, "c")->name, "3");
  EXPECT_EQ(documents.find(Kind::Tag, "a"), nullptr);
  EXPECT_EQ(documents.find(Kind::Group, "b"), nullptr);
  EXPECT_TRUE(documents.of(Kind::Group).empty());
  ASSERT_EQ(before.of(Kind::Tag).size(), 3u);
  EXPECT_EQ(before.find(Kind::Tag, "b")->name, "2");
}

TEST(Documents, AreTheAuthoredForm) {
  const model::Resources all = base();
  const json::object whole = write_resources(all, Secrets::Omit);
  json::object gathered;
  for (const Document& document : documents_of(all)) {
    SCOPED_TRACE(document.id);
    EXPECT_EQ(document_of(all, document.kind, document.id), document.body);
    const std::string section(section_of(document.kind));
    if (document.kind == Kind::Ingress) {
      gathered[section] = document.body.at("rules");
    } else if (is_single(document.kind)) {
      gathered[section] = document.body;
    } else {
      if (!gathered.contains(section)) gathered[section].emplace_array();
      gathered[section].as_array().push_back(document.body);
      EXPECT_FALSE(document.name.empty());
    }
  }
  for (const auto& member : whole) {
    if (member.value().is_array() && member.value().get_array().empty()) continue;
    EXPECT_EQ(gathered[member.key()], member.value()) << member.key();
  }
  EXPECT_FALSE(json::serialize(gathered).contains("hunter2"));
  EXPECT_EQ(document_of(all, Kind::Application, "nobody"), std::nullopt);
  EXPECT_EQ(document_of(all, Kind::Organization, "other"), std::nullopt);
}

TEST(Edits, KeepTheOrder) {
  const model::Resources all = base();
  const auto result =
      edit(all, {changed(all, Kind::Application, "App 1", "/session_duration", "1h"),
                 {Kind::Application, id_in(all, Kind::Application, "App 0"), std::nullopt},
                 {Kind::Application, "a0000000-0000-4000-8000-000000000001",
                  json::object{{"name", "New"}, {"domain", "new.example.com"}}},
                 {Kind::Tag, "four", json::object{{"name", "four"}}},
                 {Kind::Tag, "two", json::object{{"name", "two"}}}});
  ASSERT_TRUE(result) << text_of(result);
  ASSERT_EQ(result->applications.size(), 4u);
  EXPECT_EQ(result->applications[0].name, "App 1");
  EXPECT_EQ(result->applications[0].session_duration, std::chrono::hours(1));
  EXPECT_EQ(result->applications[1].name, "App 2");
  EXPECT_EQ(result->applications[2].name, "Link");
  EXPECT_EQ(result->applications[3].id, "a0000000-0000-4000-8000-000000000001");
  // What was not edited is the same, not a copy of it.
  EXPECT_EQ(result->applications.pointer(1), all.applications.pointer(2));
  ASSERT_EQ(result->tags.size(), 4u);
  EXPECT_EQ(result->tags[1].name, "two");
  EXPECT_EQ(result->tags[3].name, "four");
}

TEST(Edits, OfEveryKind) {
  model::Resources all = base();
  for (const Document& document : documents_of(all)) {
    SCOPED_TRACE(document.id);
    const auto same = edit(all, {{document.kind, document.id, document.body}});
    ASSERT_TRUE(same) << text_of(same);
    EXPECT_EQ(text_of(same), text_of(Edited(all)));
  }
}

TEST(Edits, KeepSecretsThatAreLeftOut) {
  const model::Resources all = base();
  const auto secret = [](const auto& resource) {
    return std::string(model::secret_of(resource.secrets, "client_secret").reveal());
  };
  const auto kept =
      edit(all, {changed(all, Kind::IdentityProvider, "Corporate", "/name", "New"),
                 changed(all, Kind::PostureIntegration, "Intune", "/interval", "1h")});
  ASSERT_TRUE(kept) << text_of(kept);
  EXPECT_EQ(secret(kept->identity_providers.at(1)), "hunter2");
  EXPECT_EQ(secret(kept->posture_integrations.at(0)), "hunter2");

  const auto replaced = edit(
      all, {changed(all, Kind::IdentityProvider, "Corporate", "/config/client_secret", "hunter3")});
  ASSERT_TRUE(replaced) << text_of(replaced);
  EXPECT_EQ(secret(replaced->identity_providers.at(1)), "hunter3");

  const auto removed =
      edit(all, {changed(all, Kind::IdentityProvider, "Corporate", "/config/client_secret", "")});
  ASSERT_TRUE(removed) << text_of(removed);
  EXPECT_TRUE(removed->identity_providers.at(1).secrets.empty());

  // What the API shows instead of a secret is not one.
  const auto masked = edit(all, {changed(all, Kind::IdentityProvider, "Corporate",
                                         "/config/client_secret", "**********************")});
  ASSERT_TRUE(masked) << text_of(masked);
  EXPECT_EQ(secret(masked->identity_providers.at(1)), "hunter2");

  // Another type has other secrets.
  const OwnedEdit other{Kind::PostureIntegration, id_in(all, Kind::PostureIntegration, "Intune"),
                        json::parse(R"({"name": "Intune", "type": "kolide", "interval": "1h",
                                        "config": {"client_id": "a"}})")
                            ->get_object()};
  EXPECT_TRUE(text_of(edit(all, {other})).contains("0/config/client_secret: is required"));
  json::object saml{{"type", "saml"}};
  keep_secrets(saml, secrets_of(all, Kind::IdentityProvider, all.identity_providers[1].id));
  EXPECT_FALSE(json::serialize(saml).contains("hunter2"));
}

struct Case {
  std::string_view name;
  OwnedEdit edit;
  std::string expected;
};

TEST(Edits, Problems) {
  const model::Resources all = base();
  const auto removal = [&](Kind kind, std::string_view name) {
    return OwnedEdit{kind, id_in(all, kind, name), std::nullopt};
  };
  const auto id = [&](Kind kind, std::string_view name) { return id_in(all, kind, name); };
  const Case cases[] = {
      {"field", changed(all, Kind::Application, "App 1", "/domian", "x"),
       "0/domian: is not a known key; did you mean `domain`?"},
      {"name of an earlier one", changed(all, Kind::Application, "App 1", "/name", "App 0"),
       "0/name: `App 0` is already the name of another application"},
      {"name of a later one", changed(all, Kind::Application, "App 0", "/name", "App 1"),
       "0/name: `App 1` is already the name of another application"},
      {"domain of a later one",
       changed(all, Kind::Application, "App 0", "/domain", "App1.example.com"),
       "0/domain: `app1.example.com` is already a domain of application `App 1`"},
      {"audience of a later one",
       changed(all, Kind::Application, "App 0", "/aud", json::value(all.applications[1].audience)),
       "0/aud: is already the `aud` of another application"},
      {"client id of a later one",
       changed(all, Kind::ServiceToken, "Token 0", "/client_id",
               json::value(all.service_tokens[1].client_id)),
       fmt::format("0/client_id: `{}` is already the client id of another service token",
                   all.service_tokens[1].client_id)},
      {"second pin",
       {Kind::IdentityProvider, "a0000000-0000-4000-8000-000000000001",
        json::object{{"name", "Pin 2"}, {"type", "onetimepin"}}},
       "0/type: is already used: one `onetimepin` is enough"},
      {"other id",
       changed(all, Kind::Application, "App 1", "/id", "a0000000-0000-4000-8000-000000000001"),
       fmt::format("0/id: must be `{}`", id(Kind::Application, "App 1"))},
      {"rule of the ingress",
       {Kind::Ingress, "ingress",
        json::parse(R"({"rules": [{"hostname": "*.example.com", "service": "ftp://x"},
                                  {"service": "http://127.0.0.1:1"}]})")
            ->get_object()},
       "0/rules/0/service: must be `http://host:port`, `https://host:port`, `unix:/path` or "
       "`http_status:404`"},
      {"no organization", {Kind::Organization, "organization", std::nullopt}, "0: is required"},
      {"token of a group", removal(Kind::ServiceToken, "Token 0"),
       fmt::format("0: (in use) is needed by group `Robots`: there is no service token `{}`; "
                   "known: Token 1, Token 2",
                   id(Kind::ServiceToken, "Token 0"))},
      {"token of a policy", removal(Kind::ServiceToken, "Token 1"),
       fmt::format("0: (in use) is needed by application `App 0`: there is no service token `{}`; "
                   "known: Token 0, Token 2",
                   id(Kind::ServiceToken, "Token 1"))},
      {"token of nobody", removal(Kind::ServiceToken, "Token 2"), ""},
      {"page of the organization", removal(Kind::CustomPage, "Refused"),
       fmt::format("0: (in use) is needed by organization: there is no custom page `{}`; known: "
                   "Page 1, Page 2",
                   id(Kind::CustomPage, "Refused"))},
      {"page of an application", removal(Kind::CustomPage, "Page 1"),
       fmt::format("0: (in use) is needed by application `App 1`: there is no custom page `{}`; "
                   "known: Page 2, Refused",
                   id(Kind::CustomPage, "Page 1"))},
      {"page of nobody", removal(Kind::CustomPage, "Page 2"), ""},
      {"page of another type", changed(all, Kind::CustomPage, "Refused", "/type", "login"),
       "0: (in use) is needed by organization: `" + id(Kind::CustomPage, "Refused") +
           "` is a page of type `login`"},
      {"tag", removal(Kind::Tag, "two"),
       "0: (in use) is needed by application `App 2`: there is no tag `two`; known: one, three\n"
       "0: (in use) is needed by application `Link`: there is no tag `two`; known: one, three"},
      {"name of a tag",
       {Kind::Tag, "two", json::object{{"name", "zwei"}}},
       "0: (in use) is needed by application `App 2`: there is no tag `two`; known: one, three, "
       "zwei\n"
       "0: (in use) is needed by application `Link`: there is no tag `two`; known: one, three, "
       "zwei"},
      {"tag of nobody", removal(Kind::Tag, "three"), ""},
      {"name of that tag", {Kind::Tag, "three", json::object{{"name", "drei"}}}, ""},
      {"group", removal(Kind::Group, "Directors"),
       fmt::format("0: (in use) is needed by application `App 1`: there is no group `{}`; known: "
                   "Robots",
                   id(Kind::Group, "Directors"))},
      {"integration", removal(Kind::PostureIntegration, "Intune"),
       fmt::format("0: (in use) is needed by device posture rule `Compliant`: there is no device "
                   "posture integration `{}`",
                   id(Kind::PostureIntegration, "Intune"))},
      {"type of a list", changed(all, Kind::List, "Board", "/type", "IP"),
       "0/items/0/value: must be an address or a network such as `192.0.2.0/24`, with no bits set "
       "beyond its prefix\n"
       "0: (in use) is needed by group `Directors`: `" +
           id(Kind::List, "Board") + "` is not a list of type EMAIL"},
      {"policy", removal(Kind::Policy, "Staff"),
       fmt::format("0: (in use) is needed by application `App 0`: there is no reusable policy `{}`",
                   id(Kind::Policy, "Staff"))},
      {"ingress of an application",
       {Kind::Ingress, "ingress",
        json::parse(R"({"rules": [{"service": "http_status:404"}]})")->get_object()},
       "0: (in use) is needed by application `App 0`: there is no ingress rule for host "
       "`app0.example.com`\n"
       "0: (in use) is needed by application `App 1`: there is no ingress rule for host "
       "`app1.example.com`\n"
       "0: (in use) is needed by application `App 2`: there is no ingress rule for host "
       "`app2.example.com`"},
      {"application", removal(Kind::Application, "App 0"), ""},
      {"bookmark", removal(Kind::Bookmark, "Start"), ""},
      {"nothing that is there", {Kind::Application, "nobody", std::nullopt}, ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Edited edited = edit(all, {c.edit});
    EXPECT_EQ(edited ? std::string() : text_of(edited), c.expected);
  }
}

TEST(Edits, TheOneThatIsToBlameIsNamed) {
  const model::Resources all = base();
  const auto edited =
      edit(all, {changed(all, Kind::Application, "App 2", "/session_duration", "1h"),
                 {Kind::Tag, "two", std::nullopt},
                 {Kind::ServiceToken, id_in(all, Kind::ServiceToken, "Token 0"), std::nullopt}});
  ASSERT_FALSE(edited);
  EXPECT_EQ(edited.error().size(), 3u) << text_of(edited);
  std::set<std::size_t> blamed;
  for (const EditProblem& problem : edited.error()) blamed.insert(problem.edit);
  // The application that is edited still names the tag: that is its own problem.
  EXPECT_EQ(blamed, (std::set<std::size_t>{0, 1, 2})) << text_of(edited);
}

TEST(Edits, WhatNamesItMayGoTogetherWithIt) {
  const model::Resources all = base();
  OwnedEdit app = changed(all, Kind::Application, "App 2", "/tags", json::array{"one"});
  OwnedEdit link = changed(all, Kind::Application, "Link", "/tags", json::array{});
  const auto edited = edit(all, {{Kind::Tag, "two", std::nullopt}, app, link});
  ASSERT_TRUE(edited) << text_of(edited);
  EXPECT_EQ(edited->tags.size(), 2u);
}

// Random edits of what is read alone: the same result, and the same problems, as when everything is
// read anew.
TEST(Edits, AloneAndTogetherAgree) {
  std::mt19937 random(20261124);  // NOLINT(cert-msc51-cpp): the same edits each time
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  const auto number = [&](std::string_view word, std::size_t n) {
    return fmt::format("{} {}", word, below(n));
  };
  const std::string_view tags[] = {"one", "two", "three", "four"};
  const std::string_view pages[] = {"Refused", "Page 1", "Page 2", "Page 3"};
  const std::string_view types[] = {"forbidden", "identity_denied", "login"};
  const auto selector = [&]() -> json::value {
    switch (below(6)) {
      case 0:
        return {{"group", {{"id", number("Group", 4)}}}};
      case 1:
        return {{"device_posture", {{"integration_uid", number("Rule", 3)}}}};
      case 2:
        return {{"login_method", {{"id", below(2) == 0 ? "Pin" : "Corporate"}}}};
      case 3:
        return {{"email_list", {{"id", below(3) == 0 ? "Offices" : "Board"}}}};
      case 4:
        return {{"service_token", {{"token_id", number("Token", 4)}}}};
      default:
        return {{"everyone", json::object{}}};
    }
  };
  const auto body_of = [&](Kind kind) -> json::object {
    switch (kind) {
      case Kind::Organization:
        return {{"name", number("Team", 3)},
                {"auth_domain", below(4) == 0 ? "app1.example.com" : "auth.example.com"},
                {"custom_pages", {{"forbidden", pages[below(2)]}}}};
      case Kind::IdentityProvider: {
        json::object body{{"name", below(2) == 0 ? "Corporate" : "Other"}, {"type", "onetimepin"}};
        if (below(3) == 0) return body;
        body["type"] = "oidc";
        body["config"] = json::object{{"issuer", "https://login.example.com"}, {"client_id", "b"}};
        return body;
      }
      case Kind::PostureIntegration:
        return {{"name", below(2) == 0 ? "Intune" : "Second"},
                {"type", "intune"},
                {"interval", "10m"},
                {"config",
                 {{"client_id", "a"}, {"client_secret", "x"}, {"customer_id", number("c", 3)}}}};
      case Kind::PostureRule:
        return {{"name", number("Rule", 3)},
                {"type", "intune"},
                {"input",
                 {{"connection_id", below(2) == 0 ? "Intune" : "Second"},
                  {"compliance_status", "compliant"}}}};
      case Kind::List:
        return {{"name", below(2) == 0 ? "Board" : "Offices"},
                {"type", below(3) == 0 ? "IP" : "EMAIL"},
                {"items", json::array{}}};
      case Kind::Group: {
        json::object body{{"name", number("Group", 4)}, {"include", json::array{selector()}}};
        if (below(2) == 0) body["require"] = json::array{selector()};
        return body;
      }
      case Kind::Policy: {
        json::object body{{"name", below(3) == 0   ? "Own"
                                   : below(2) == 0 ? "Staff"
                                                   : "Others"},
                          {"decision", "allow"},
                          {"include", json::array{selector()}}};
        if (below(2) == 0) body["exclude"] = json::array{selector()};
        return body;
      }
      case Kind::Application: {
        json::array policies;
        if (below(2) == 0) policies.emplace_back(below(4) == 0 ? "Others" : "Staff");
        if (below(2) == 0)
          policies.push_back({{"name", "Rules"},
                              {"decision", "allow"},
                              {"include", json::array{selector(), selector()}}});
        if (below(2) == 0) {
          policies.push_back(
              {{"name", "Own"},
               {"decision", "non_identity"},
               {"include", {{{"service_token", {{"token_id", number("Token", 4)}}}}}}});
        }
        json::object body{{"name", number("App", 6)},
                          {"domain", fmt::format("app{}.example.com", below(6))},
                          {"policies", std::move(policies)}};
        // A dashboard has a whole host: a path there is refused in other words when it is also
        // taken.
        if (below(4) == 0) {
          body["type"] = "dash_sso";
        } else if (below(4) == 0) {
          body["self_hosted_domains"] = json::array{fmt::format("app{}.example.com/y", below(6))};
        }
        if (below(2) == 0) body["tags"] = json::array{tags[below(4)]};
        if (below(3) == 0) body["custom_pages"] = json::array{pages[below(4)]};
        if (below(4) == 0) body["allowed_idps"] = json::array{below(2) == 0 ? "Pin" : "Other"};
        if (below(8) == 0) body["domian"] = "x";
        return body;
      }
      case Kind::ServiceToken: {
        json::object body{{"name", number("Token", 4)},
                          {"client_secret_hash", std::string(64, 'a')}};
        if (below(2) == 0) body["client_id"] = number("c", 3).replace(1, 1, "-");
        return body;
      }
      case Kind::CustomPage:
        return {{"name", pages[below(4)]}, {"type", types[below(3)]}, {"custom_html", "x"}};
      case Kind::Bookmark:
        return {{"name", number("Mark", 3)}};
      default:
        return {{"name", tags[below(4)]}};
    }
  };
  model::Resources current = base();
  std::size_t good = 0;
  std::size_t bad = 0;
  for (int round = 0; round < 1200; ++round) {
    SCOPED_TRACE(round);
    if (round % 60 == 0) current = base();
    std::vector<OwnedEdit> edits;
    std::set<std::pair<Kind, std::string>> chosen;
    for (std::size_t n = 1 + below(3); n > 0; --n) {
      constexpr Kind kKindsOfEdits[] = {Kind::Application,
                                        Kind::Application,
                                        Kind::ServiceToken,
                                        Kind::CustomPage,
                                        Kind::Tag,
                                        Kind::Bookmark,
                                        Kind::Group,
                                        Kind::Group,
                                        Kind::Group,
                                        Kind::PostureRule,
                                        Kind::PostureRule,
                                        Kind::Policy,
                                        Kind::IdentityProvider,
                                        Kind::List,
                                        Kind::PostureIntegration,
                                        Kind::Organization};
      const Kind kind = kKindsOfEdits[below(std::size(kKindsOfEdits))];
      std::vector<std::string> ids;
      for (const Document& document : documents_of(current)) {
        if (document.kind == kind) ids.push_back(document.id);
      }
      OwnedEdit one;
      one.kind = kind;
      if (below(3) != 0) one.body = body_of(kind);
      if (kind == Kind::Organization) one.body = body_of(kind);
      if (below(3) == 0 || ids.empty()) {
        one.id = kind == Kind::Tag ? std::string(tags[below(4)])
                                   : uuid_v5("new", std::to_string(below(20)));
        if (kind == Kind::Organization) one.id = "organization";
      } else {
        one.id = ids[below(ids.size())];
      }
      if (chosen.emplace(kind, one.id).second) edits.push_back(std::move(one));
    }
    const Edited alone = edit(current, edits);
    std::string said;
    for (const OwnedEdit& one : edits) {
      said += fmt::format("{} {} {}\n", noun_of(one.kind), one.id,
                          one.body ? json::serialize(*one.body) : "removed");
    }
    ASSERT_EQ(text_of(alone), text_of(edit_whole(current, edits))) << said;
    ++(alone ? good : bad);
    if (alone) current = *alone;
  }
  EXPECT_GT(good, 200u);
  EXPECT_GT(bad, 200u);
}

}  // namespace
}  // namespace gatehouse::policy
