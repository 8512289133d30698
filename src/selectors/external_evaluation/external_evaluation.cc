#include "selectors/external_evaluation/external_evaluation.h"

#include <algorithm>
#include <charconv>

#include "base/ip.h"
#include "base/try.h"
#include "decision/snapshot.h"
#include "model/identity.h"
#include "model/limits.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

using namespace std::chrono_literals;

constexpr std::chrono::seconds kDefaultExpiration = 1h;
// Shorter ones would have the evaluator asked by every request.
constexpr std::chrono::seconds kMinExpiration = 10s;

struct Wanted {
  std::string key;
  std::chrono::seconds max_age;
};

// Whether `host[:port]` names a host; `loopback` is set for one that is this computer.
bool read_authority(std::string_view text, bool& loopback) {
  std::string_view host = text;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return false;
      port = text.substr(end + 2);
    }
    const auto address = IpAddress::parse(host);
    if (!address || host.find(':') == std::string_view::npos) return false;
    loopback = address == IpAddress::parse("::1");
  } else {
    if (const auto colon = text.find(':'); colon != std::string_view::npos) {
      host = text.substr(0, colon);
      port = text.substr(colon + 1);
    }
    if (!model::is_ldh_domain(host)) return false;
    const auto address = IpAddress::parse(host);
    loopback =
        host == "localhost" || (address && IpNetwork::parse("127.0.0.0/8")->contains(*address));
  }
  if (!port) return true;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port->data(), port->data() + port->size(), number);
  return error == std::errc() && end == port->data() + port->size() && number != 0;
}

// An https URL without user information or fragment; http for a loopback host.
bool is_evaluator_url(std::string_view url) {
  const bool https = url.starts_with("https://");
  if (!https && !url.starts_with("http://")) return false;
  if (url.size() > model::kMaxUrlBytes || url.find_first_of("#\\") != std::string_view::npos ||
      !std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f; }))
    return false;
  const std::string_view rest = url.substr(https ? 8 : 7);
  bool loopback = false;
  return read_authority(rest.substr(0, rest.find_first_of("/?")), loopback) && (https || loopback);
}

class ExternalEvaluationMatcher final : public decision::Matcher {
 public:
  ExternalEvaluationMatcher(std::string description, decision::Combine combine,
                            std::vector<Wanted> values)
      : description_(std::move(description)), combine_(combine), values_(std::move(values)) {}

  // INVARIANT: what is missing, too old or from the future is Indeterminate, never True.
  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant now) const override {
    if (evidence.session == nullptr) return {Truth::Indeterminate, Reason::NotSignedIn};
    if (evidence.identity_only) return {Truth::Indeterminate, Reason::EvaluationMissing};
    const auto& held = evidence.session->evaluations;
    return combine_matches(values_, combine_, [&](const Wanted& wanted) -> Match {
      const auto found = std::ranges::find(held, wanted.key, &model::EvaluationEvidence::key);
      if (found == held.end()) return {Truth::Indeterminate, Reason::EvaluationMissing};
      if (found->established_at < now - wanted.max_age)
        return {Truth::Indeterminate, Reason::EvaluationStale};
      if (found->established_at > now + model::kMaxEvidenceSkew)
        return {Truth::Indeterminate, Reason::EvaluationMissing};
      if (found->success) return decision::kTrue;
      return {Truth::False, Reason::EvaluationRefused};
    });
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  // One word for each evaluator in order; the oldest answer gives the time.
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    if (evidence.session == nullptr) return {"nobody signed in", {}};
    const auto& held = evidence.session->evaluations;
    decision::Observation seen;
    for (const Wanted& wanted : values_) {
      const auto found = std::ranges::find(held, wanted.key, &model::EvaluationEvidence::key);
      if (!seen.value.empty()) seen.value += ", ";
      if (found == held.end()) {
        seen.value += "no answer";
        continue;
      }
      seen.value += found->success ? "accepted" : "refused";
      seen.established_at = seen.established_at
                                ? std::min(*seen.established_at, found->established_at)
                                : found->established_at;
    }
    return seen;
  }

 private:
  std::string description_;
  decision::Combine combine_;
  std::vector<Wanted> values_;  // never empty
};

}  // namespace

Compiled compile_external_evaluation(Values values, decision::Combine combine,
                                     const decision::CompileContext&) {
  constexpr std::string_view kUrl =
      "must be an https URL such as `https://evaluator.example.com/path` (http only on this "
      "computer)";
  constexpr std::string_view kExpiration = "must be a duration of at least 10s such as `1h`";
  std::vector<Wanted> wanted;
  std::vector<std::string> names;
  for (std::size_t index = 0; index < values.size(); ++index) {
    const ValueReader reader(*values[index], index);
    GATEHOUSE_TRY_VOID(reader.only({"evaluate_url", "keys_url", "expiration"}));
    const auto evaluate_url = GATEHOUSE_TRY(reader.text("evaluate_url", kUrl));
    if (!is_evaluator_url(evaluate_url)) return std::unexpected(reader.error("evaluate_url", kUrl));
    const auto keys_url = GATEHOUSE_TRY(reader.text("keys_url", kUrl));
    if (!is_evaluator_url(keys_url)) return std::unexpected(reader.error("keys_url", kUrl));
    std::chrono::seconds max_age = kDefaultExpiration;
    if (const auto text = GATEHOUSE_TRY(reader.optional_text("expiration", kExpiration))) {
      const auto age = parse_duration(*text);
      if (!age || *age < kMinExpiration)
        return std::unexpected(reader.error("expiration", kExpiration));
      max_age = std::chrono::duration_cast<std::chrono::seconds>(*age);
    }
    names.push_back(evaluate_url);
    wanted.push_back({decision::evaluation_key(evaluate_url, keys_url), max_age});
  }
  return std::make_unique<ExternalEvaluationMatcher>(
      describe_values("external evaluation", "evaluators", combine, names), combine,
      std::move(wanted));
}

}  // namespace gatehouse::selectors
