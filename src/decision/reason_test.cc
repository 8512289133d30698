#include "decision/reason.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

#include "decision/engine.h"

namespace gatehouse::decision {
namespace {

Reason reason_at(std::size_t index) { return static_cast<Reason>(index); }

TEST(Reason, HasACodeOfItsOwn) {
  std::set<std::string_view> codes;
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    const ReasonInfo& reason = info(reason_at(i));
    EXPECT_TRUE(codes.insert(reason.code).second) << reason.code;
    EXPECT_EQ(reason.code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
    EXPECT_EQ(parse_reason(reason.code), reason_at(i));
    EXPECT_FALSE(reason.title.empty());
    EXPECT_FALSE(reason.title.ends_with('.')) << reason.title;
    EXPECT_TRUE(reason.advice.ends_with('.')) << reason.advice;
  }
  EXPECT_EQ(parse_reason(""), std::nullopt);
  EXPECT_EQ(parse_reason("Not_Signed_In"), std::nullopt);
}

TEST(Reason, CodesThatOthersRelyOn) {
  EXPECT_EQ(info(Reason::AgentUnreachable).code, "agent_unreachable");
  EXPECT_EQ(info(Reason::PermissionDenied).code, "permission_denied");
  EXPECT_EQ(info(Reason::BrowserUnsupported).code, "browser_unsupported");
  EXPECT_EQ(info(Reason::PostureNotManaged).code, "posture_not_managed");
  EXPECT_EQ(info(Reason::NotSignedIn).code, "not_signed_in");
}

TEST(Reason, IsOrderedFromEasyToHard) {
  EXPECT_EQ(harder(Reason::PostureMissing, Reason::NotSignedIn), Reason::NotSignedIn);
  EXPECT_EQ(easier(Reason::PostureMissing, Reason::NotSignedIn), Reason::PostureMissing);
  EXPECT_EQ(harder(Reason::NotSignedIn, Reason::IdentityNotPermitted),
            Reason::IdentityNotPermitted);
  EXPECT_EQ(harder(Reason::None, Reason::PostureMissing), Reason::PostureMissing);
}

TEST(Reason, ChallengesOnlyWhatAChallengeCanCure) {
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    const Remedy remedy = info(reason_at(i)).remedy;
    switch (challenge_for(reason_at(i))) {
      case Challenge::SignIn:
        EXPECT_TRUE(remedy == Remedy::SignIn || remedy == Remedy::UseAnotherLoginMethod);
        break;
      case Challenge::Posture:
        EXPECT_EQ(remedy, Remedy::CheckDevice);
        break;
      case Challenge::Purpose:
        EXPECT_EQ(remedy, Remedy::StatePurpose);
        break;
      case Challenge::None:
        // What a provider refused is no answer to a request: its page leads back by itself.
        if (reason_at(i) < Reason::DeviceNotCompliant) {
          EXPECT_NE(remedy, Remedy::SignIn);
        }
        break;
    }
  }
}

TEST(Reason, ReferencePageSaysTheSame) {
  std::string expected =
      "| code | meaning | what to do | remedy | challenge |\n|---|---|---|---|---|\n";
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    const ReasonInfo& reason = info(reason_at(i));
    const Challenge challenge = challenge_for(reason_at(i));
    expected +=
        fmt::format("| `{}` | {} | {} | `{}` | {} |\n", reason.code, reason.title, reason.advice,
                    to_string(reason.remedy),
                    challenge == Challenge::None ? std::string("-")
                                                 : fmt::format("`{}`", to_string(challenge)));
  }
  std::ifstream in(GATEHOUSE_TESTDATA "/../../../docs/reference/reasons.md");
  ASSERT_TRUE(in);
  std::string table;
  for (std::string line; std::getline(in, line);)
    if (line.starts_with('|')) table += line + "\n";
  EXPECT_EQ(table, expected);
}

}  // namespace
}  // namespace gatehouse::decision
