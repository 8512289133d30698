#include "controlplane/purpose.h"

#include <gtest/gtest.h>

#include "adapters/access/sign_in_fixture.h"

namespace gatehouse::adapters {
namespace {

using controlplane::InputError;
using controlplane::test::sample_document;
using test::Browser;
using test::contains;
using test::header;
using test::hidden_field;
using test::kAuth;

struct Text {
  const char* name;
  std::string written;
  std::expected<std::string, InputError> kept;
};

TEST(PurposeText, IsPlainAndOfUsableLength) {
  const auto fail = [](InputError error) { return std::unexpected(error); };
  const Text cases[] = {
      {"plain", "ticket 12", "ticket 12"},
      {"trimmed", "  ticket 12\n", "ticket 12"},
      {"lines", "one\r\ntwo\tthree", "one  two three"},
      {"letters of any language", "\xc3\xbc \xe6\x97\xa5", "\xc3\xbc \xe6\x97\xa5"},
      {"one character", "x", "x"},
      {"as much as fits", std::string(500, 'x'), std::string(500, 'x')},
      {"characters, not bytes",
       [] {
         std::string text;
         for (int i = 0; i < 500; ++i) text += "\xe6\x97\xa5";
         return text;
       }(),
       [] {
         std::string text;
         for (int i = 0; i < 500; ++i) text += "\xe6\x97\xa5";
         return text;
       }()},
      {"too much", std::string(501, 'x'), fail(InputError::PurposeTooLong)},
      {"nothing", "", fail(InputError::PurposeMissing)},
      {"white space", " \r\n\t ", fail(InputError::PurposeMissing)},
      {"a null byte", std::string("a\0b", 3), fail(InputError::PurposeForm)},
      {"an escape sequence", "a\x1b[2J", fail(InputError::PurposeForm)},
      {"delete", "a\x7f", fail(InputError::PurposeForm)},
      {"a C1 control", "a\xc2\x9b", fail(InputError::PurposeForm)},
      {"not UTF-8", "a\xff", fail(InputError::PurposeForm)},
  };
  for (const auto& test : cases)
    EXPECT_EQ(controlplane::read_purpose(test.written), test.kept) << test.name;
}

class PurposeTest : public test::SignInTest {
 protected:
  PurposeTest() {
    auto document = sample_document();
    for (auto& application : document["applications"].as_array()) {
      if (application.as_object()["name"] != "Wiki" && application.as_object()["name"] != "Payroll")
        continue;
      auto& policy = application.as_object()["policies"].as_array()[0].as_object();
      policy["purpose_justification_required"] = true;
      policy["purpose_justification_prompt"] = "Which ticket?";
    }
    gateway_.apply(document);
  }
  net::HttpResponse state(const net::HttpResponse& page, std::string text,
                          net::Headers headers = {}) {
    return browser_.post_form(
        "https://auth.example.com/cdn-cgi/access/purpose",
        {{"transaction", hidden_field(page, "transaction")}, {"purpose", std::move(text)}},
        std::move(headers));
  }
};

TEST_F(PurposeTest, IsAskedAfterTheSignInAndRecorded) {
  const auto page = browser_.sign_in_with_code("Wiki", "ada@example.com", "/page");
  ASSERT_EQ(page.status, 200);
  EXPECT_TRUE(contains(page, "Which ticket?"));
  EXPECT_TRUE(browser_.url().starts_with("https://auth.example.com/cdn-cgi/access/purpose/"));
  EXPECT_EQ(header(page, "Referrer-Policy"), "same-origin");
  const auto answer = state(page, " ticket 12\n");
  EXPECT_EQ(answer.status, 303);
  const auto opened = browser_.follow(answer);
  EXPECT_EQ(header(opened, "Location"), "/page");
  const auto events = gateway_.audit("purpose_stated");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].actor, "ada@example.com");
  EXPECT_EQ(events[0].application, gateway_.application("Wiki").id);
  EXPECT_EQ(events[0].details.at("text"), "ticket 12");
  // Said once, it counts until the session ends, for this application alone.
  EXPECT_EQ(header(browser_.follow(browser_.get(browser_.login_url("Wiki"))), "Location"), "/");
  // A page that was left open changes nothing any more.
  EXPECT_EQ(state(page, "something else").status, 303);
  EXPECT_EQ(gateway_.audit("purpose_stated").size(), 1U);
}

TEST_F(PurposeTest, WhatCannotBeTakenIsAskedAgainBesideTheField) {
  const auto page = browser_.sign_in_with_code("Wiki");
  for (const auto& [text, said] : std::vector<std::pair<std::string, std::string>>{
           {"", "Write why"}, {std::string(501, 'x'), "at most 500"}, {"a\x1b", "plain text"}}) {
    const auto again = state(page, text);
    EXPECT_EQ(again.status, 400);
    EXPECT_TRUE(contains(again, "aria-invalid=\"true\""));
    EXPECT_TRUE(contains(again, said));
    EXPECT_TRUE(contains(again, "Which ticket?"));
  }
  EXPECT_TRUE(gateway_.audit("purpose_stated").empty());
}

TEST_F(PurposeTest, IsTakenFromTheAuthDomainAndTheBrowserThatWasAskedOnly) {
  const auto page = browser_.sign_in_with_code("Wiki");
  EXPECT_EQ(state(page, "x", {{"Origin", "https://wiki.example.com"}}).status, 403);
  EXPECT_EQ(state(page, "x", {{"Sec-Fetch-Site", "same-site"}}).status, 403);
  Browser other(site_);
  EXPECT_EQ(other
                .post_form("https://auth.example.com/cdn-cgi/access/purpose",
                           {{"transaction", hidden_field(page, "transaction")}, {"purpose", "x"}})
                .status,
            400);
  EXPECT_EQ(browser_.post_form("/cdn-cgi/access/purpose", {{"purpose", "x"}}).status, 400);
  EXPECT_TRUE(gateway_.audit("purpose_stated").empty());
}

TEST_F(PurposeTest, LeadsToTheSignInWithoutASessionAndOnWhereNothingIsAsked) {
  const std::string start(kAuth);
  auto url = browser_.login_url("Wiki");
  const auto at = url.find("/login/");
  url.replace(at, 7, "/purpose/");
  EXPECT_EQ(header(browser_.get(url), "Location"), browser_.login_url("Wiki"));
  EXPECT_EQ(browser_.get(start + "/cdn-cgi/access/purpose/evil.example?kid=x").status, 400);
  const auto page = browser_.sign_in_with_code("Wiki");
  state(page, "ticket 12");
  EXPECT_TRUE(header(browser_.get(url), "Location")
                  .starts_with("https://wiki.example.com/cdn-cgi/access/authorized?"));
}

TEST_F(PurposeTest, ComesAfterTheDevice) {
  const auto page = browser_.sign_in_with_code("Payroll");
  const auto given = test::instructions(page);
  const auto reply = browser_.post_json(
      "/cdn-cgi/access/posture/result",
      {{"transaction", given.at("transaction")},
       {"token", controlplane::test::agent_token(test::challenge(given), gateway_.now)}});
  const auto next = json::parse(reply.body).value().at("next").as_string();
  EXPECT_NE(std::string_view(next).find("/cdn-cgi/access/purpose/"), std::string_view::npos);
  EXPECT_TRUE(contains(browser_.get(next), "Which ticket?"));
}

}  // namespace
}  // namespace gatehouse::adapters
