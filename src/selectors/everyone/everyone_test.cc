#include "selectors/everyone/everyone.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

TEST(Everyone, AlwaysMatches) {
  for (const auto combine : {decision::Combine::Any, decision::Combine::All}) {
    const auto matcher = testing::compile(compile_everyone, "[{}, {}]", combine).value();
    testing::expect_match(matcher->match(testing::empty_snapshot(), {}, testing::kNow),
                          decision::Truth::True, decision::Reason::None, "nobody");
    EXPECT_EQ(matcher->describe(), "everyone");
  }
}

TEST(Everyone, HasNoFields) {
  const testing::ErrorCase cases[] = {{R"([{"x": 1}])", 0, "x"}, {R"([{}, {"y": {}}])", 1, "y"}};
  testing::expect_errors(compile_everyone, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
