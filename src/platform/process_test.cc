#include "platform/process.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace gatehouse {
namespace {

TEST(Process, SaysWhatTheProgramSaid) {
  const struct {
    const char* name;
    const char* script;
    Collected collected;
    bool succeeded;
    const char* text;
  } cases[] = {
      {"output", "echo out", Collected::Output, true, "out\n"},
      {"output without errors", "echo out; echo err >&2", Collected::Output, true, "out\n"},
      {"both", "echo out; echo err >&2", Collected::OutputAndErrors, true, "out\nerr\n"},
      {"nothing", "", Collected::Output, true, ""},
      {"a failure keeps its words", "echo why; exit 3", Collected::Output, false, "why\n"},
      {"ended by a signal", "kill -9 $$", Collected::Output, false, ""},
      {"an empty input", "cat; echo end", Collected::Output, true, "end\n"},
      {"the environment", "echo $GIVEN", Collected::Output, true, "value\n"},
  };
  for (const auto& each : cases) {
    const auto result =
        run_program({"/bin/sh", "-c", each.script}, each.collected, {"GIVEN=value"});
    ASSERT_TRUE(result) << each.name;
    EXPECT_EQ(result->succeeded, each.succeeded) << each.name;
    EXPECT_EQ(result->text, each.text) << each.name;
  }
}

TEST(Process, TextIsBounded) {
  const auto result = run_program({"/bin/sh", "-c", "head -c 100000 /dev/zero"}, Collected::Output);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->succeeded);
  EXPECT_EQ(result->text.size(), kMaxProcessText);
}

TEST(Process, AProgramThatIsNotThereIsNamed) {
  const auto result = run_program({"/no/such/program"}, Collected::Output);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "cannot start `/no/such/program`: No such file or directory");
}

TEST(Process, HasAGroupOfItsOwnAndIsWaitedFor) {
  const auto pid = spawn({"/bin/sleep", "60"});
  ASSERT_TRUE(pid);
  EXPECT_EQ(::getpgid(*pid), *pid);
  EXPECT_FALSE(wait_for_end(*pid, 0));
  ::kill(*pid, SIGKILL);
  EXPECT_TRUE(wait_for_end(*pid, 10'000));
}

}  // namespace
}  // namespace gatehouse
