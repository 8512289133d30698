// For tests of the engine: matchers that say what they are told, and policies made of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "decision/engine.h"

namespace gatehouse::decision::testing {

class Says final : public Matcher {
 public:
  explicit Says(Match match, Reason when_excluded = Reason::NoPolicyMatched)
      : match_(match), when_excluded_(when_excluded) {}
  [[nodiscard]] Match match(const Snapshot&, const Evidence&, Instant) const override {
    return match_;
  }
  [[nodiscard]] std::string describe() const override { return "says"; }
  [[nodiscard]] Reason reason_when_excluded() const override { return when_excluded_; }

 private:
  Match match_;
  Reason when_excluded_;
};

struct PolicyPlan {
  model::Action action;
  std::vector<Match> include;
  std::vector<Match> require;
  std::vector<Match> exclude;
};

inline MatcherList matchers(const std::vector<Match>& matches) {
  MatcherList list;
  for (const Match match : matches) list.push_back(std::make_unique<Says>(match));
  return list;
}

inline CompiledPolicy policy(const PolicyPlan& plan) {
  CompiledPolicy compiled;
  compiled.name = model::to_string(plan.action);
  compiled.action = plan.action;
  compiled.rules = {matchers(plan.include), matchers(plan.exclude), matchers(plan.require)};
  return compiled;
}

enum class Purpose : std::uint8_t { NotAsked, Asked };  // by every policy

// A snapshot with one application on `app.example`.
inline std::shared_ptr<const Snapshot> snapshot(const std::vector<PolicyPlan>& plans,
                                                std::vector<std::string> allowed_idps = {},
                                                Purpose purpose = Purpose::NotAsked) {
  CompiledApplication application;
  application.audience = "application";
  application.allowed_idps = std::move(allowed_idps);
  for (const PolicyPlan& plan : plans) {
    application.policies.push_back(policy(plan));
    application.policies.back().purpose_justification_required = purpose == Purpose::Asked;
  }
  SnapshotBuilder builder;
  builder.add_application(std::move(application), {"app.example"});
  return builder.finish();
}

inline model::Session session(std::string login_method = "idp") {
  model::Session signed_in;
  signed_in.identity.email = "alice@corp.example";
  signed_in.identity.login_method = std::move(login_method);
  return signed_in;
}

}  // namespace gatehouse::decision::testing
