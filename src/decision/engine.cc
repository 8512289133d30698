#include "decision/engine.h"

#include <algorithm>
#include <optional>

#include "decision/rules.h"

namespace gatehouse::decision {
namespace {

using model::Action;

// One call's inputs. Untraced nothing is allocated and an OR ends at its first True; traced every
// member is asked and written down. The outcome is the same.
enum class Tracing : bool { Off, On };
template <Tracing kTracing>
class Evaluation {
 public:
  Evaluation(const Snapshot& snapshot, const Evidence& evidence, Instant now, Trace* trace)
      : snapshot_(snapshot), evidence_(evidence), now_(now), trace_(trace) {}

  // `extra` (signed in, login method) is one more list of the policy.
  Match policy(const CompiledPolicy& policy, std::optional<Match> extra) {
    const auto entry = begin(Kind::Policy, 0, [&] { return policy.name; });
    if constexpr (kTraced) {
      (*trace_)[entry].id = policy.id;
      (*trace_)[entry].action = policy.action;
    }
    Match match = rules(policy.rules, 1);
    if (extra) {
      if constexpr (kTraced)
        trace_->push_back({.kind = Kind::List,
                           .depth = 1,
                           .what = "signed in with an allowed login method",
                           .match = *extra});
      match = match_and(match, *extra);
    }
    return end(entry, match);
  }

  Match rules(const CompiledRules& rules, int depth) {
    Match match = include(rules.include, depth);
    match = match_and(match, require(rules.require, depth));
    return match_and(match, exclude(rules.exclude, depth));
  }

 private:
  using Kind = TraceEntry::Kind;
  static constexpr bool kTraced = kTracing == Tracing::On;

  Match include(const MatcherList& list, int depth) {
    const auto entry = begin(Kind::List, depth, [] { return "include"; });
    std::optional<Match> match;
    for (const auto& matcher : list) {
      const Match one = member(*matcher, depth + 1);
      match = match ? match_or(*match, one) : one;
      if (!kTraced && match->truth == Truth::True) break;
    }
    return end(entry, match.value_or(Match{Truth::False, Reason::NoPolicyMatched}));
  }

  Match require(const MatcherList& list, int depth) {
    if (list.empty()) return kTrue;
    const auto entry = begin(Kind::List, depth, [] { return "require"; });
    Match match = kTrue;
    for (const auto& matcher : list) match = match_and(match, member(*matcher, depth + 1));
    return end(entry, match);
  }

  Match exclude(const MatcherList& list, int depth) {
    if (list.empty()) return kTrue;
    const auto entry = begin(Kind::List, depth, [] { return "exclude"; });
    std::optional<Match> any;
    Reason when_true = Reason::None;
    for (const auto& matcher : list) {
      const Match one = member(*matcher, depth + 1);
      any = any ? match_or(*any, one) : one;
      if (one.truth == Truth::True) when_true = harder(when_true, matcher->reason_when_excluded());
    }
    return end(entry, match_not(*any, when_true));
  }

  Match member(const Matcher& matcher, int depth) {
    const Match match = matcher.match(snapshot_, evidence_, now_);
    if constexpr (kTraced) {
      trace_->push_back({.kind = Kind::Selector,
                         .depth = depth,
                         .what = matcher.describe(),
                         .match = match,
                         .seen = matcher.observe(snapshot_, evidence_)});
      for (const std::uint32_t group : matcher.groups()) {
        const auto entry =
            begin(Kind::Group, depth + 1, [&] { return "group " + snapshot_.group(group).name; });
        end(entry, rules(snapshot_.group(group).rules, depth + 2));
      }
    }
    return match;
  }

  // An entry stands before what it is made of, so its outcome is filled in later.
  template <typename What>
  std::size_t begin(Kind kind, int depth, What what) {
    if constexpr (!kTraced) return 0;
    trace_->push_back({.kind = kind, .depth = depth, .what = what()});
    return trace_->size() - 1;
  }
  Match end(std::size_t entry, Match match) {
    if constexpr (kTraced) (*trace_)[entry].match = match;
    return match;
  }

  const Snapshot& snapshot_;
  const Evidence& evidence_;
  Instant now_;
  Trace* trace_;
};

// What an Allow policy demands besides its rules.
Match signed_in(const CompiledApplication& application, const Evidence& evidence) {
  if (evidence.session == nullptr) return {Truth::Indeterminate, Reason::NotSignedIn};
  if (!application.allowed_idps.empty() &&
      std::ranges::find(application.allowed_idps, evidence.session->identity.login_method) ==
          application.allowed_idps.end())
    return {Truth::False, Reason::LoginMethodNotAllowed};
  return kTrue;
}

Decision refuse(Reason reason, const CompiledPolicy* policy) {
  const Challenge challenge = challenge_for(reason);
  return {challenge == Challenge::None ? Effect::Deny : Effect::Challenge, reason, challenge,
          policy};
}

// Whether the person has said why they need this application, where the policy asks for it.
bool purpose_stated(const CompiledPolicy& policy, const CompiledApplication& application,
                    const Evidence& evidence) {
  return !policy.purpose_justification_required ||
         std::ranges::find(evidence.session->purposes, application.audience,
                           &model::Purpose::audience) != evidence.session->purposes.end();
}

template <Tracing kTracing>
Decision decide(const Snapshot& snapshot, const CompiledApplication& application,
                const Evidence& evidence, Instant now, Trace* trace) {
  if (evidence.cors_preflight && application.options_preflight_bypass)
    return {Effect::Bypass, Reason::None, Challenge::None, nullptr};
  Evaluation<kTracing> evaluation(snapshot, evidence, now, trace);
  std::optional<Reason> easiest;
  const auto remember = [&easiest](Reason obstacle) {
    easiest = easiest ? easier(*easiest, obstacle) : obstacle;
  };
  // INVARIANT: SnapshotBuilder put Bypass and Service Auth policies first.
  for (const CompiledPolicy& policy : application.policies) {
    std::optional<Match> person;
    if (policy.action == Action::Allow) person = signed_in(application, evidence);
    const Match match = evaluation.policy(policy, person);
    switch (policy.action) {
      case Action::Bypass:
        if (match.truth == Truth::True)
          return {Effect::Bypass, Reason::None, Challenge::None, &policy};
        break;  // nobody has to satisfy a Bypass policy
      case Action::ServiceAuth:
      case Action::Allow:
        if (match.truth == Truth::True && policy.action == Action::Allow &&
            !purpose_stated(policy, application, evidence))
          return refuse(Reason::PurposeRequired, &policy);
        if (match.truth == Truth::True)
          return {Effect::Allow, Reason::None, Challenge::None, &policy};
        remember(match.reason);
        break;
      case Action::Block:
        if (match.truth == Truth::False) break;
        remember(match.truth == Truth::True ? Reason::BlockedByPolicy : match.reason);
        return refuse(*easiest, &policy);
    }
  }
  return refuse(easiest.value_or(Reason::NoPolicyMatched), nullptr);
}

bool may_admit(const Snapshot& snapshot, const CompiledApplication& application,
               const model::Session& identity_only, Instant now) {
  const std::string email =
      model::canonical_email(identity_only.identity.email).value_or(std::string());
  Evidence evidence;
  evidence.session = &identity_only;
  evidence.canonical_email = email;
  evidence.identity_only = true;
  Evaluation<Tracing::Off> evaluation(snapshot, evidence, now, nullptr);
  for (const CompiledPolicy& policy : application.policies) {
    if (policy.action == Action::Block &&
        evaluation.policy(policy, std::nullopt).truth == Truth::True)
      return false;
    if (policy.action == Action::Allow &&
        evaluation.policy(policy, signed_in(application, evidence)).truth != Truth::False)
      return true;
  }
  return false;
}

}  // namespace

std::string_view to_string(Effect effect) {
  switch (effect) {
    case Effect::Allow:
      return "allow";
    case Effect::Bypass:
      return "bypass";
    case Effect::Deny:
      return "deny";
    case Effect::Challenge:
      return "challenge";
  }
  return "deny";
}

std::string_view to_string(Challenge challenge) {
  switch (challenge) {
    case Challenge::None:
      return "none";
    case Challenge::SignIn:
      return "sign_in";
    case Challenge::Posture:
      return "posture";
    case Challenge::Purpose:
      return "purpose";
  }
  return "none";
}

Challenge challenge_for(Reason reason) {
  switch (reason) {
    case Reason::PurposeRequired:
      return Challenge::Purpose;
    case Reason::EvaluationMissing:
    case Reason::EvaluationStale:
    case Reason::PostureMissing:
    case Reason::PostureStale:
    case Reason::PostureUnreadable:
      return Challenge::Posture;
    case Reason::NotSignedIn:
    case Reason::SessionExpired:
    case Reason::SessionRevoked:
    case Reason::TokenInvalid:
    case Reason::LoginMethodNotAllowed:
    case Reason::AuthContextMissing:
      return Challenge::SignIn;
    default:
      return Challenge::None;
  }
}

Match match_rules(const CompiledRules& rules, const Snapshot& snapshot, const Evidence& evidence,
                  Instant now) {
  return Evaluation<Tracing::Off>(snapshot, evidence, now, nullptr).rules(rules, 0);
}

Decision evaluate(const Snapshot& snapshot, const CompiledApplication& application,
                  const Evidence& evidence, Instant now, Trace* trace) noexcept {
  try {
    return trace == nullptr ? decide<Tracing::Off>(snapshot, application, evidence, now, nullptr)
                            : decide<Tracing::On>(snapshot, application, evidence, now, trace);
  } catch (...) {
    return {Effect::Deny, Reason::InternalError, Challenge::None, nullptr};
  }
}

bool could_admit(const Snapshot& snapshot, const CompiledApplication& application,
                 const model::Session& identity_only, Instant now) noexcept {
  try {
    return may_admit(snapshot, application, identity_only, now);
  } catch (...) {
    return false;
  }
}

}  // namespace gatehouse::decision
