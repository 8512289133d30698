#include "selectors/external_evaluation/external_evaluation.h"

#include "model/limits.h"
#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

using namespace std::chrono_literals;

constexpr std::string_view kEvaluate = "https://evaluator.example/evaluate";
constexpr std::string_view kKeys = "https://evaluator.example/keys";
constexpr std::string_view kOne =
    R"([{"evaluate_url": "https://evaluator.example/evaluate",
         "keys_url": "https://evaluator.example/keys"}])";
constexpr std::string_view kTenSeconds =
    R"([{"evaluate_url": "https://evaluator.example/evaluate",
         "keys_url": "https://evaluator.example/keys", "expiration": "10s"}])";

model::EvaluationEvidence answer(Instant established_at, bool success = true) {
  return {decision::evaluation_key(kEvaluate, kKeys), success, established_at};
}

TEST(ExternalEvaluation, LooksAtTheAnswer) {
  const struct {
    std::string_view name;
    std::string_view values;
    std::vector<model::EvaluationEvidence> held;
    Truth truth;
    Reason reason;
  } cases[] = {
      {"accepted", kOne, {answer(kNow)}, Truth::True, Reason::None},
      {"refused", kOne, {answer(kNow, false)}, Truth::False, Reason::EvaluationRefused},
      {"absent", kOne, {}, Truth::Indeterminate, Reason::EvaluationMissing},
      {"of another evaluator",
       kOne,
       {{decision::evaluation_key(kEvaluate, kEvaluate), true, kNow}},
       Truth::Indeterminate,
       Reason::EvaluationMissing},
      {"as old as allowed", kOne, {answer(kNow - 1h)}, Truth::True, Reason::None},
      {"a second too old",
       kOne,
       {answer(kNow - 1h - 1s)},
       Truth::Indeterminate,
       Reason::EvaluationStale},
      {"refused, but too old",
       kOne,
       {answer(kNow - 1h - 1s, false)},
       Truth::Indeterminate,
       Reason::EvaluationStale},
      {"as old as its own limit", kTenSeconds, {answer(kNow - 10s)}, Truth::True, Reason::None},
      {"a second older than its own limit",
       kTenSeconds,
       {answer(kNow - 11s)},
       Truth::Indeterminate,
       Reason::EvaluationStale},
      {"never", kOne, {answer(Instant::min())}, Truth::Indeterminate, Reason::EvaluationStale},
      {"as far ahead as allowed",
       kOne,
       {answer(kNow + model::kMaxEvidenceSkew)},
       Truth::True,
       Reason::None},
      {"a second too far ahead",
       kOne,
       {answer(kNow + model::kMaxEvidenceSkew + 1s)},
       Truth::Indeterminate,
       Reason::EvaluationMissing},
      {"at the end of time",
       kOne,
       {answer(Instant::max())},
       Truth::Indeterminate,
       Reason::EvaluationMissing},
  };
  for (const auto& test : cases) {
    const auto matcher = testing::compile(compile_external_evaluation, test.values).value();
    Person person("a@b.example");
    person.session.evaluations = test.held;
    auto evidence = person.evidence();
    testing::expect_match(matcher->match(testing::empty_snapshot(), evidence, kNow), test.truth,
                          test.reason, test.name);
    evidence.identity_only = true;
    testing::expect_match(matcher->match(testing::empty_snapshot(), evidence, kNow),
                          Truth::Indeterminate, Reason::EvaluationMissing, "identity only");
    testing::expect_match(matcher->match(testing::empty_snapshot(), {}, kNow), Truth::Indeterminate,
                          Reason::NotSignedIn, "nobody");
  }
}

TEST(ExternalEvaluation, CombinesValues) {
  constexpr std::string_view kTwo =
      R"([{"evaluate_url": "https://evaluator.example/evaluate",
           "keys_url": "https://evaluator.example/keys"},
          {"evaluate_url": "https://b.example", "keys_url": "https://b.example"}])";
  const auto any = testing::compile(compile_external_evaluation, kTwo, Combine::Any).value();
  const auto all = testing::compile(compile_external_evaluation, kTwo, Combine::All).value();
  Person person("a@b.example");
  person.session.evaluations = {answer(kNow)};
  const auto match = [&](const decision::Matcher& matcher) {
    return matcher.match(testing::empty_snapshot(), person.evidence(), kNow);
  };
  testing::expect_match(match(*any), Truth::True, Reason::None, "any");
  testing::expect_match(match(*all), Truth::Indeterminate, Reason::EvaluationMissing, "all");
  person.session.evaluations.push_back(
      {decision::evaluation_key("https://b.example", "https://b.example"), false, kNow - 5s});
  testing::expect_match(match(*all), Truth::False, Reason::EvaluationRefused, "one refuses");
  const auto seen = all->observe(testing::empty_snapshot(), person.evidence());
  EXPECT_EQ(seen.value, "accepted, refused");
  EXPECT_EQ(seen.established_at, kNow - 5s);
  person.session.evaluations[1].success = true;
  testing::expect_match(match(*all), Truth::True, Reason::None, "both accept");
}

TEST(ExternalEvaluation, InTheListsOfAPolicy) {
  Person person("a@b.example");
  testing::expect_lists(compile_external_evaluation, kOne, person.evidence(),
                        {Effect::Challenge, Reason::EvaluationMissing},
                        {Effect::Challenge, Reason::EvaluationMissing});
  person.session.evaluations = {answer(kNow)};
  testing::expect_lists(compile_external_evaluation, kOne, person.evidence(), testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched});
  person.session.evaluations = {answer(kNow, false)};
  testing::expect_lists(compile_external_evaluation, kOne, person.evidence(),
                        {Effect::Deny, Reason::EvaluationRefused}, testing::kAllowed);
  person.session.evaluations = {answer(kNow - 1h - 1s)};
  testing::expect_lists(compile_external_evaluation, kOne, person.evidence(),
                        {Effect::Challenge, Reason::EvaluationStale},
                        {Effect::Challenge, Reason::EvaluationStale});
}

TEST(ExternalEvaluation, TakesHttpsAndThisComputer) {
  const auto accepts = [](std::string_view url) {
    const auto value = [&](std::string_view evaluate, std::string_view keys) {
      json::array values;
      values.emplace_back(json::object{{"evaluate_url", evaluate}, {"keys_url", keys}});
      return json::serialize(values);
    };
    const bool evaluate =
        testing::compile(compile_external_evaluation, value(url, kKeys)).has_value();
    const bool keys =
        testing::compile(compile_external_evaluation, value(kEvaluate, url)).has_value();
    EXPECT_EQ(evaluate, keys) << url;
    return evaluate;
  };
  for (const auto* url :
       {"https://a.example", "https://a.example:8443/x?y=z", "https://192.0.2.1/", "https://[::1]/",
        "http://localhost:8080/x", "http://127.0.0.1", "http://127.1.2.3:1/", "http://[::1]:80"})
    EXPECT_TRUE(accepts(url)) << url;
  for (const auto* url : {"http://a.example",
                          "http://localhost.evil.example",
                          "http://127.0.0.1.evil.example",
                          "http://128.0.0.1/",
                          "http://[2001:db8::1]/",
                          "http://[::1].evil.example/",
                          "https://user@a.example/",
                          "http://localhost@evil.example/",
                          "https://a.example/#x",
                          "https://",
                          "https:///x",
                          "https://a.example:",
                          "https://a.example:0",
                          "https://a.example:65536",
                          "https://a.example:+1",
                          "https://[127.0.0.1]/",
                          "https://[::1",
                          "https://a example/",
                          "https://a.example\\@evil.example/",
                          "ftp://a.example",
                          "a.example",
                          "HTTPS://a.example",
                          "http://localhost\\.evil.example/"})
    EXPECT_FALSE(accepts(url)) << url;
}

TEST(ExternalEvaluation, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "evaluate_url"},
      {R"([{"evaluate_url": "https://a.example"}])", 0, "keys_url"},
      {R"([{"evaluate_url": 1, "keys_url": "https://a.example"}])", 0, "evaluate_url"},
      {R"([{"evaluate_url": "https://a.example", "keys_url": "https://a.example",
            "expiration": "9999ms"}])",
       0, "expiration"},
      {R"([{"evaluate_url": "https://a.example", "keys_url": "https://a.example",
            "expiration": "10"}])",
       0, "expiration"},
      {R"([{"evaluate_url": "https://a.example", "keys_url": "https://a.example",
            "expiration": 10}])",
       0, "expiration"},
      {R"([{"evaluate_url": "https://a.example", "keys_url": "https://a.example", "x": 1}])", 0,
       "x"},
  };
  testing::expect_errors(compile_external_evaluation, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
