// gatehouse/statistics: what happened over time, as the store has counted it, and how things are.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "adapters/admin_api/call.h"
#include "adapters/admin_api/query.h"
#include "base/time.h"
#include "base/try.h"
#include "controlplane/live_view.h"
#include "controlplane/revocation.h"
#include "controlplane/tally.h"

namespace gatehouse::adapters::admin_api {
namespace {

using net::HttpResponse;
namespace counter = controlplane::counter;

constexpr std::string_view kFamily = "gatehouse/statistics";
constexpr std::chrono::hours kUsualSpan{24};
constexpr std::int64_t kMostBuckets = 1000;
constexpr std::size_t kMostReasons = 100;
constexpr std::size_t kMostApplications = 10;

// Members of a bucket, by what is counted.
constexpr auto kColumns = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"sign_ins", counter::kSignIn},
    {"failed_sign_ins", counter::kSignInFailed},
    {"refused_sign_ins", counter::kSignInRefused},
    {"allowed_sampled", counter::kAllow},
    {"denied", counter::kDeny},
    {"bypassed", counter::kBypass},
    {"ended", counter::kEnded},
});

struct Span {
  Instant since;  // the begin of a bucket
  Instant until;
  std::string name;
  std::chrono::seconds interval{};
};

std::expected<Span, HttpResponse> span_of(const Call& call) {
  Span span;
  span.name = GATEHOUSE_TRY(word_of(call, "interval", {"hour", "day"})).value_or("hour");
  span.interval = span.name == "day" ? std::chrono::hours{24} : std::chrono::hours{1};
  span.until = GATEHOUSE_TRY(instant_of(call, "until")).value_or(call.context().now());
  const auto since = GATEHOUSE_TRY(instant_of(call, "since")).value_or(span.until - kUsualSpan);
  if (since >= span.until) return std::unexpected(invalid_query("since", "must be before `until`"));
  if ((span.until - since) / span.interval > kMostBuckets)
    return std::unexpected(invalid_query(
        "since",
        fmt::format("makes more than {} intervals of one {} each", kMostBuckets, span.name)));
  const auto into_it = since.time_since_epoch() % span.interval;
  span.since = since - (into_it < into_it.zero() ? into_it + span.interval : into_it);
  return span;
}

json::array buckets_of(const Span& span, const std::vector<storage::Counter>& counters) {
  std::map<Instant, std::map<std::string_view, std::int64_t>> sums;
  for (const auto& one : counters)
    sums[span.since + (one.hour - span.since) / span.interval * span.interval][one.name] +=
        one.count;
  json::array buckets;
  for (Instant at = span.since; at < span.until; at += span.interval) {
    json::object bucket{{"at", format_rfc3339(at)}};
    auto& sum = sums[at];
    for (const auto& [member, name] : kColumns) bucket[member] = sum[name];
    buckets.emplace_back(std::move(bucket));
  }
  return buckets;
}

std::expected<json::object, HttpResponse> present_of(const Call& call) {
  auto& context = call.context();
  const auto seen = context.live_view.get(context.dependencies.store, context.now());
  const auto revoked = controlplane::revoked_devices(context);
  if (!seen || !revoked) return std::unexpected(unavailable());
  const auto& picture = **seen;
  json::array ages;
  for (std::size_t i = 0; i < picture.evidence_ages.size(); ++i) {
    json::object step{{"up_to_seconds", nullptr}, {"count", picture.evidence_ages[i]}};
    if (i < controlplane::kEvidenceAges.size())
      step["up_to_seconds"] = controlplane::kEvidenceAges[i].count();
    ages.emplace_back(std::move(step));
  }
  return json::object{{"sessions", picture.sessions},
                      {"people", picture.people},
                      {"devices", picture.devices.size()},
                      {"revoked_devices", revoked->size()},
                      {"evidence_ages", std::move(ages)}};
}

std::string name_of(const Call& call, const std::string& application) {
  const auto configuration = call.context().configuration();
  if (!configuration) return {};
  const auto& applications = configuration->resources->applications;
  const auto found = std::ranges::find(applications, application, &model::Application::id);
  return found == applications.end() ? "" : found->name;
}

HttpResponse statistics(const Call& call) {
  const auto span = span_of(call);
  if (!span) return span.error();
  auto& store = call.context().dependencies.store;
  const auto counters = store.counters(span->since, span->until);
  const auto reasons =
      store.counters_by_key(counter::kRefusal, span->since, span->until, kMostReasons);
  const auto refused = store.counters_by_key(counter::kRefusedApplication, span->since, span->until,
                                             kMostApplications);
  if (!counters || !reasons || !refused) return unavailable();
  json::array refusals;
  for (const auto& [reason, count] : *reasons)
    refusals.emplace_back(json::object{{"reason", reason}, {"count", count}});
  json::array applications;
  for (const auto& [id, count] : *refused)
    applications.emplace_back(
        json::object{{"id", id}, {"name", name_of(call, id)}, {"denied", count}});
  auto present = present_of(call);
  if (!present) return std::move(present.error());
  return success(json::object{{"since", format_rfc3339(span->since)},
                              {"until", format_rfc3339(span->until)},
                              {"interval", span->name},
                              {"buckets", buckets_of(*span, *counters)},
                              {"refusals", std::move(refusals)},
                              {"applications", std::move(applications)},
                              {"now", std::move(*present)}});
}

}  // namespace

void add_statistics(std::vector<Operation>& operations) {
  operations.push_back({"GET", "gatehouse/statistics", kFamily, Access::Read, statistics});
}

}  // namespace gatehouse::adapters::admin_api
