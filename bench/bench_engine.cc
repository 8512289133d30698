// What a decision costs as the configuration grows, and beside the same policies in Cedar:
//   bench_engine   prints {"evaluate_10_ns":..,"evaluate_10000_ns":..,"evaluate_spread_ns":..,
//                          "locate_10_ns":..,"locate_10000_ns":..,"compile_10000_ms":..,
//                          "snapshot_10000_bytes":..,"change_10000_ms":..,
//                          "change_group_10000_ms":..,"change_needs_10000_ms":..,
//                          "edit_group_10000_ms":..,"refuse_removal_10000_ms":..}
// Every application has a block by a list of 1,000 addresses, an allowance for one of 500 groups
// (each nested in another) with a required device, and an exclusion by a list of 1,000 networks;
// 10: with ten applications; 10000: the same ten among ten thousand; spread: all ten thousand in
// random order, with cold caches; change: one edited application among ten thousand is found, and
// compiled upon the snapshot, or one edited group, which 40 of them name; needs: a group that now
// looks at the country, so that they are compiled as well; edit, refuse_removal: an edit or removal
// of such a group is checked. bench/cedar.mjs asks Cedar the same.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "decision/engine.h"
#include "jose/jwk.h"
#include "policy/documents.h"
#include "policy/snapshot_change.h"
#include "policy/snapshot_document.h"
#include "selectors/registry.h"

namespace {

using namespace gatehouse;
using Clock = std::chrono::steady_clock;

constexpr int kGroups = 500;
constexpr int kListEntries = 1'000;
constexpr Instant kNow = from_epoch_seconds(1'800'000'000);

std::string id(std::string_view kind, int number) {
  return uuid_v5("bench", fmt::format("{} {}", kind, number));
}
model::Selector selector(std::string_view kind, std::string_view field, std::string value) {
  return {std::string(kind), json::object{{field, std::string_view(value)}}};
}

model::Resources resources(int applications) {
  model::Resources all;
  all.organization.name = "Bench";
  all.organization.auth_domain = "auth.bench.example";
  model::IdentityProvider pin;
  pin.id = id("pin", 0);
  pin.name = "PIN";
  pin.type = "onetimepin";
  all.identity_providers.push_back(pin);
  model::PostureIntegration tanium;
  tanium.id = id("tanium", 0);
  tanium.name = "Tanium";
  tanium.type = "tanium";
  all.posture_integrations.push_back(tanium);
  model::PostureRule rule;
  rule.id = id("rule", 0);
  rule.name = "Managed";
  rule.type = "tanium";
  rule.input = {{"connection_id", id("tanium", 0)}, {"managed", true}, {"max_checkin_age", "168h"}};
  all.posture_rules.push_back(rule);
  model::List blocked;
  blocked.id = id("list", 0);
  blocked.name = "Blocked";
  model::List networks;
  networks.id = id("list", 1);
  networks.name = "Bad networks";
  networks.type = model::ListType::Ip;
  for (int i = 0; i < kListEntries; ++i) {
    blocked.items.push_back(fmt::format("blocked-{}@bench.example", i));
    networks.items.push_back(fmt::format("10.{}.{}.0/24", i / 250, i % 250));
  }
  all.lists = {blocked, networks};
  for (int i = 0; i < kGroups; ++i) {
    model::Group group;
    group.id = id("group", i);
    group.name = fmt::format("Group {}", i);
    group.include = {selector("email", "email", fmt::format("person-{}@bench.example", i))};
    if (i % 2 == 1) group.include.push_back(selector("group", "id", id("group", i - 1)));
    all.groups.push_back(group);
  }
  for (int i = 0; i < applications; ++i) {
    model::Application application;
    application.id = id("application", i);
    application.audience = hex_encode(fmt::format("{:032}", i));
    application.name = fmt::format("Application {}", i);
    application.domains = {fmt::format("app-{}.bench.example", i)};
    model::Policy block;
    block.id = id("block", i);
    block.name = "blocked people";
    block.action = model::Action::Block;
    block.include = {selector("email_list", "id", id("list", 0))};
    model::Policy allow;
    allow.id = id("allow", i);
    allow.name = "the team";
    allow.action = model::Action::Allow;
    allow.include = {selector("group", "id", id("group", 2 * (i % (kGroups / 2)) + 1))};
    allow.require = {selector("device_posture", "integration_uid", rule.id)};
    allow.exclude = {selector("ip_list", "id", id("list", 1))};
    application.policies = {block, allow};
    all.applications.push_back(application);
  }
  return all;
}

struct Measured {
  std::shared_ptr<const decision::Snapshot> snapshot;
  double compile_ms = 0;
  std::size_t bytes = 0;
};

Measured compile(int applications) {
  policy::PublicationContext context;
  context.sequence = 1;
  context.published_at = kNow;
  context.issuer = "https://auth.bench.example";
  auto jwk = jose::PrivateKey::generate_rsa().public_key().to_jwk();
  jwk["kid"] = "bench";
  jwk["alg"] = "RS256";
  jwk["use"] = "sig";
  context.jwks = {jwk};
  const std::string text =
      json::serialize(policy::make_snapshot_document(resources(applications), context));
  const auto begin = Clock::now();
  auto compiled = policy::compile_snapshot(
      json::parse(text, {.max_bytes = text.size(), .max_depth = 64}).value(),
      selectors::registry());
  const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
  if (!compiled) {
    std::fprintf(stderr, "bench_engine: %s %s\n", compiled.error().front().pointer.c_str(),
                 compiled.error().front().message.c_str());
    std::exit(1);
  }
  return {std::move(*compiled), took.count(), text.size()};
}

// The best of several runs: what the code costs, not what its neighbours do.
template <typename Once>
double nanoseconds(Once once, int calls) {
  double best = 1e300;
  for (int run = 0; run < 15; ++run) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) once(i);
    const std::chrono::duration<double, std::nano> took = Clock::now() - begin;
    best = std::min(best, took.count() / calls);
  }
  return best;
}

constexpr int kEdits = 10;

// What the publisher and one worker do for one edit of `before`; edit(resources, i) makes each.
template <typename Edit>
double change_ms(const Measured& measured, const model::Resources& before, Edit edit) {
  std::vector<model::Resources> edited(kEdits, before);
  for (int i = 0; i < kEdits; ++i) edit(edited[static_cast<std::size_t>(i)], i);
  policy::PublicationContext context;
  context.sequence = measured.snapshot->sequence() + 1;
  context.published_at = kNow;
  const double taken = nanoseconds(
      [&](int i) {
        const auto change = policy::make_snapshot_change(
            before, edited[static_cast<std::size_t>(i)], measured.snapshot->sequence(), context);
        const auto changed = policy::apply_snapshot_change(
            *measured.snapshot, json::parse(json::serialize(change.value())).value(),
            selectors::registry());
        if (!changed || changed.value()->sequence() != context.sequence) {
          std::fputs("bench_engine: a change did not arrive\n", stderr);
          std::exit(1);
        }
      },
      kEdits);
  return taken / 1e6;
}

// What it costs to check one edited group, or a removal that is refused.
double edit_ms(const model::Resources& before, bool removal) {
  std::vector<json::object> bodies;
  for (int i = 0; i < kEdits; ++i) {
    bodies.push_back(
        policy::document_of(before, policy::Kind::Group, id("group", 2 * i + 1)).value());
    bodies.back()["name"] = fmt::format("Edited {}", i);
  }
  const double taken = nanoseconds(
      [&](int i) {
        const policy::DocumentEdit edit{policy::Kind::Group, id("group", 2 * i + 1),
                                        removal ? nullptr : &bodies[static_cast<std::size_t>(i)]};
        const auto edited =
            policy::edit_resources(before, std::span(&edit, 1), selectors::registry());
        if (edited.has_value() == removal) {
          std::fprintf(stderr, "bench_engine: an edit is not judged as it should be: %s\n",
                       edited ? "" : edited.error().front().problem.message.c_str());
          std::exit(1);
        }
      },
      kEdits);
  return taken / 1e6;
}

// One person for each application, who may open it with a device in order.
class People {
 public:
  explicit People(const decision::Snapshot& snapshot) {
    for (std::size_t i = 0; i < kGroups / 2; ++i) {
      model::Session session;
      session.identity.email = fmt::format("person-{}@bench.example", 2 * i);
      session.identity.login_method = id("pin", 0);
      model::PostureEvidence evidence;
      evidence.integration_id = id("tanium", 0);
      evidence.established_at = kNow;
      evidence.managed = true;
      evidence.last_checkin = kNow;
      session.posture = {evidence};
      sessions_.push_back(session);
    }
    for (const auto& application : snapshot.applications()) {
      const auto number = sessions_.empty() ? 0 : evidences_.size() % sessions_.size();
      decision::Evidence evidence;
      evidence.client_ip = IpAddress::parse("192.0.2.7").value();
      evidence.session = &sessions_[number];
      evidence.canonical_email = sessions_[number].identity.email;
      evidences_.emplace_back(&application, evidence);
    }
  }
  // Whether it is allowed, which it is.
  bool ask(const decision::Snapshot& snapshot, std::size_t number) const {
    const auto& [application, evidence] = evidences_[number];
    return decision::evaluate(snapshot, *application, evidence, kNow).effect ==
           decision::Effect::Allow;
  }

 private:
  std::vector<model::Session> sessions_;
  std::vector<std::pair<const decision::CompiledApplication*, decision::Evidence>> evidences_;
};

}  // namespace

int main() {
  const Measured few = compile(10);
  const Measured many = compile(10'000);
  const People few_people(*few.snapshot);
  const People many_people(*many.snapshot);
  std::uint64_t allowed = 0;
  const auto evaluate = [&](const Measured& measured, const People& people) {
    return nanoseconds(
        [&](int i) {
          allowed += people.ask(*measured.snapshot, static_cast<std::size_t>(i % 10)) ? 1 : 0;
        },
        100'000);
  };
  const double evaluate_few = evaluate(few, few_people);
  const double evaluate_many = evaluate(many, many_people);
  std::vector<std::size_t> order(100'000);
  std::mt19937 random(7);
  for (auto& place : order) place = random() % 10'000;
  const double spread = nanoseconds(
      [&](int i) {
        allowed += many_people.ask(*many.snapshot, order[static_cast<std::size_t>(i)]) ? 1 : 0;
      },
      100'000);
  if (allowed != 3ULL * 15 * 100'000) {
    std::fputs("bench_engine: somebody was not let in\n", stderr);
    return 1;
  }
  std::vector<std::string> hosts;
  for (int i = 0; i < 10; ++i) hosts.push_back(fmt::format("app-{}.bench.example", i));
  std::size_t found = 0;
  const auto locate = [&](const Measured& measured) {
    return nanoseconds(
        [&](int i) {
          found += measured.snapshot->locate(hosts[static_cast<std::size_t>(i % 10)], "/a/b")
                       .application != nullptr;
        },
        100'000);
  };
  const double locate_few = locate(few);
  const double locate_many = locate(many);
  const model::Resources before = resources(10'000);
  const double change_application = change_ms(many, before, [](model::Resources& all, int i) {
    all.applications.edit(static_cast<std::size_t>(i) * 1'000).domains = {
        fmt::format("moved-{}.bench.example", i)};
  });
  const auto group = [](model::Resources& all, int i) -> model::Group& {
    return all.groups[static_cast<std::size_t>(2 * i + 1)];
  };
  const double change_group = change_ms(many, before, [&](model::Resources& all, int i) {
    group(all, i).include.push_back(selector("email", "email", "new@bench.example"));
  });
  const double change_needs = change_ms(many, before, [&](model::Resources& all, int i) {
    group(all, i).include.push_back(selector("geo", "country_code", "DE"));
  });
  std::printf(
      "{\"evaluate_10_ns\":%.1f,\"evaluate_10000_ns\":%.1f,\"evaluate_spread_ns\":%.1f,"
      "\"locate_10_ns\":%.1f,\"locate_10000_ns\":%.1f,\"compile_10000_ms\":%.1f,"
      "\"snapshot_10000_bytes\":%zu,\"change_10000_ms\":%.2f,\"change_group_10000_ms\":%.2f,"
      "\"change_needs_10000_ms\":%.2f,\"edit_group_10000_ms\":%.2f,"
      "\"refuse_removal_10000_ms\":%.2f}\n",
      evaluate_few, evaluate_many, spread, locate_few, locate_many, many.compile_ms, many.bytes,
      change_application, change_group, change_needs, edit_ms(before, false),
      edit_ms(before, true));
  return found == 0 ? 1 : 0;
}
