#include "controlplane/attempt.h"

#include "base/encoding.h"
#include "base/json.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::string_view kPurpose = "attempt";
constexpr std::size_t kMaxAttemptBytes = 1024;

}  // namespace

Attempt open_attempt(const Context& context, const Browser& browser) {
  if (browser.attempt.empty() || browser.attempt.size() > kMaxAttemptBytes) return {};
  const auto plain = context.dependencies.vault.open(kPurpose, browser.attempt);
  const auto document = plain ? json::parse(*plain) : json::value(nullptr);
  if (!document || !document->is_object()) return {};
  const auto& object = document->get_object();
  if (!constant_time_equal(json::find_string(object, "b").value_or(""),
                           context.browser_hash(browser)))
    return {};
  Attempt attempt;
  attempt.method = json::find_string(object, "m").value_or("");
  attempt.started_at = from_epoch_seconds(json::find_int(object, "t").value_or(0));
  attempt.window = from_epoch_seconds(json::find_int(object, "w").value_or(0));
  attempt.starts = static_cast<int>(json::find_int(object, "n").value_or(0));
  return attempt;
}

std::string seal_attempt(const Context& context, const Browser& browser, const Attempt& attempt) {
  const json::object document{{"m", attempt.method},
                              {"t", to_epoch_seconds(attempt.started_at)},
                              {"w", to_epoch_seconds(attempt.window)},
                              {"n", attempt.starts},
                              {"b", context.browser_hash(browser)}};
  return context.dependencies.vault.seal(kPurpose, json::serialize(document));
}

Attempt after_start(Attempt attempt, std::string_view method, Instant now) {
  if (now < attempt.window || now - attempt.window >= kAttemptWindow) {
    attempt.window = now;
    attempt.starts = 0;
  }
  ++attempt.starts;
  // The first of several tabs: how long the person has been away counts from there.
  if (attempt.method != method || now - attempt.started_at >= kAttemptLifetime)
    attempt.started_at = now;
  attempt.method = method;
  return attempt;
}

std::string attempt_after_return(const Context& context, const Browser& browser) {
  auto attempt = open_attempt(context, browser);
  attempt.method.clear();
  return seal_attempt(context, browser, attempt);
}

bool never_came_back(const Attempt& attempt, std::string_view method, Instant now) {
  return !method.empty() && attempt.method == method &&
         now - attempt.started_at >= kAttemptUnanswered &&
         now - attempt.started_at < kAttemptLifetime;
}

bool goes_in_circles(const Attempt& attempt, Instant now) {
  return attempt.starts >= kMaxStartsPerWindow && attempt.window <= now &&
         now - attempt.window < kAttemptWindow;
}

}  // namespace gatehouse::controlplane
