// For tests of the selectors: authored JSON in, matches and decisions out.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "decision/engine.h"
#include "decision/rules.h"
#include "selectors/everyone/everyone.h"
#include "selectors/values.h"

namespace gatehouse::selectors::testing {

inline constexpr Instant kNow = from_epoch_seconds(1'700'000'000);

// Names `staff` and `others`, for whatever is asked; `staff` is index 0.
class Context final : public decision::CompileContext {
 public:
  [[nodiscard]] std::optional<std::uint32_t> find_group(std::string_view id) const override {
    return index(id);
  }
  [[nodiscard]] std::optional<std::uint32_t> find_posture_rule(std::string_view id) const override {
    return index(id);
  }
  [[nodiscard]] std::optional<std::string> find_login_method(std::string_view id) const override {
    return name(id);
  }
  [[nodiscard]] std::optional<std::string> find_service_token(std::string_view id) const override {
    return name(id);
  }
  [[nodiscard]] std::optional<std::uint32_t> find_list(std::string_view id,
                                                       model::ListType) const override {
    return index(id);
  }

 private:
  static std::optional<std::uint32_t> index(std::string_view id) {
    if (id == "staff") return 0;
    if (id == "others") return 1;
    return std::nullopt;
  }
  static std::optional<std::string> name(std::string_view id) {
    return index(id) ? std::optional("id-" + std::string(id)) : std::nullopt;
  }
};

// `values` is an array of objects.
template <typename Compile>
Compiled compile(Compile compile_kind, std::string_view values,
                 decision::Combine combine = decision::Combine::Any) {
  const auto document = json::parse(values).value();
  std::vector<const json::object*> objects;
  for (const auto& value : document.as_array()) objects.push_back(&value.as_object());
  return compile_kind(objects, combine, Context());
}

struct ErrorCase {
  std::string_view values;
  std::size_t index;
  std::string_view field;
};

template <typename Compile, std::size_t N>
void expect_errors(Compile compile_kind, const ErrorCase (&cases)[N]) {
  for (const auto& test : cases) {
    const auto compiled = compile(compile_kind, test.values);
    ASSERT_FALSE(compiled) << test.values;
    EXPECT_EQ(compiled.error().index, test.index) << test.values;
    EXPECT_EQ(compiled.error().field, test.field) << test.values;
    EXPECT_FALSE(compiled.error().message.empty()) << test.values;
    EXPECT_FALSE(compiled.error().message.ends_with('.')) << test.values;
  }
}

inline void expect_match(const decision::Match& found, decision::Truth truth,
                         decision::Reason reason, std::string_view name) {
  EXPECT_EQ(static_cast<int>(found.truth), static_cast<int>(truth)) << name;
  EXPECT_EQ(decision::info(found.reason).code, decision::info(reason).code) << name;
}

inline const decision::Snapshot& empty_snapshot() {
  static const auto snapshot = decision::SnapshotBuilder().finish();
  return *snapshot;
}

// A signed-in person; the view into `email` stays with the object.
struct Person {
  explicit Person(std::string_view address, std::string login_method = "id-staff") {
    session.identity.email = address;
    session.identity.login_method = std::move(login_method);
    email = model::canonical_email(address).value_or("");
  }
  [[nodiscard]] decision::Evidence evidence() const {
    decision::Evidence made;
    made.session = &session;
    made.canonical_email = email;
    return made;
  }
  model::Session session;
  std::string email;
};

// Someone signed in with provider `staff`, changed.
struct IdentityCase {
  std::string_view name;
  void (*change)(model::Identity&);
  decision::Truth truth;
  decision::Reason reason;
};
template <std::size_t N>
void expect_cases(const decision::Matcher& matcher, const IdentityCase (&cases)[N]) {
  for (const auto& test : cases) {
    Person person("alice@corp.example");
    test.change(person.session.identity);
    expect_match(matcher.match(empty_snapshot(), person.evidence(), kNow), test.truth, test.reason,
                 test.name);
  }
  expect_match(matcher.match(empty_snapshot(), {}, kNow), decision::Truth::Indeterminate,
               decision::Reason::NotSignedIn, "nobody");
}

enum class List : std::uint8_t { Include, Require, Exclude };

// An Allow policy for everyone with the selector in `list`.
inline decision::Decision decide(std::unique_ptr<const decision::Matcher> matcher, List list,
                                 const decision::Evidence& evidence,
                                 decision::SnapshotBuilder builder) {
  decision::CompiledPolicy policy;
  policy.action = model::Action::Allow;
  auto& rules = policy.rules;
  if (list != List::Include) rules.include.push_back(compile(compile_everyone, "[{}]").value());
  (list == List::Include   ? rules.include
   : list == List::Require ? rules.require
                           : rules.exclude)
      .push_back(std::move(matcher));
  decision::CompiledApplication application;
  application.policies.push_back(std::move(policy));
  builder.add_application(std::move(application), {"app.example"});
  const auto world = builder.finish();
  auto decision = evaluate(*world, world->applications()[0], evidence, kNow);
  decision.policy = nullptr;  // of the snapshot that ends here
  return decision;
}

struct Outcome {
  decision::Effect effect;
  decision::Reason reason;
};
inline constexpr Outcome kAllowed{decision::Effect::Allow, decision::Reason::None};

// What the engine makes of the selector when it is included or required, and when it is excluded.
template <typename Compile>
void expect_lists(
    Compile compile_kind, std::string_view values, const decision::Evidence& evidence,
    Outcome included, Outcome excluded,
    decision::SnapshotBuilder (*builder)() = [] { return decision::SnapshotBuilder(); }) {
  for (const List list : {List::Include, List::Require, List::Exclude}) {
    const auto found = decide(compile(compile_kind, values).value(), list, evidence, builder());
    const Outcome expected = list == List::Exclude ? excluded : included;
    EXPECT_EQ(to_string(found.effect), to_string(expected.effect)) << static_cast<int>(list);
    EXPECT_EQ(info(found.reason).code, info(expected.reason).code) << static_cast<int>(list);
  }
}

}  // namespace gatehouse::selectors::testing
