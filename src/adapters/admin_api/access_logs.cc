// access/logs: who wanted to get into which application, from the audit trail. Source:
// facts/cloudflare-access-api.md 8.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "adapters/admin_api/call.h"
#include "adapters/admin_api/query.h"
#include "base/encoding.h"
#include "base/time.h"
#include "base/try.h"
#include "controlplane/audit.h"

namespace gatehouse::adapters::admin_api {
namespace {

using net::HttpResponse;
using storage::AuditEvent;
using storage::AuditQuery;

constexpr std::string_view kFamily = "access/logs";
constexpr std::size_t kMost = 1000;
constexpr std::size_t kRowsAtOnce = 500;
// Of what the store cannot select: so many events are looked at.
constexpr std::size_t kMostLookedAt = 50'000;
constexpr std::size_t kRayDigits = 16;
constexpr std::string_view kType = "self_hosted";  // every application that people get into
constexpr std::array<std::string_view, 11> kFields{
    "action",     "allowed",    "app_domain", "app_uid", "connection", "country",
    "created_at", "ip_address", "ray_id",     "reason",  "user_email"};

// `value` under `name`, compared as `<name>Op` says.
struct Condition {
  std::optional<std::string> value;
  bool is_negated = false;

  [[nodiscard]] bool holds(std::string_view found) const {
    return !value || (ascii_iequals(found, *value) != is_negated);
  }
};
std::expected<Condition, HttpResponse> condition_of(const Call& call, const std::string& name) {
  Condition condition;
  condition.is_negated = GATEHOUSE_TRY(word_of(call, name + "Op", {"eq", "neq"})) == "neq";
  condition.value = call.query(name);
  if (condition.value && condition.value->empty()) condition.value.reset();
  return condition;
}
std::expected<std::optional<bool>, HttpResponse> flag_condition(const Call& call,
                                                                const std::string& name) {
  const bool is_negated = GATEHOUSE_TRY(word_of(call, name + "Op", {"eq", "neq"})) == "neq";
  auto flag = GATEHOUSE_TRY(flag_of(call, name));
  if (flag && is_negated) flag = !*flag;
  return flag;
}

std::string_view text_of(const AuditEvent& event, std::string_view key) {
  return json::find_string(event.details, key).value_or("");
}
std::string_view ray_of(const AuditEvent& event) {
  return text_of(event, "reference").substr(0, kRayDigits);
}

struct Question {
  AuditQuery query;
  // What the store does not select by.
  Condition country;
  Condition ray;
  Condition provider;
  bool is_impossible = false;
  std::vector<std::string> fields;  // empty: all

  [[nodiscard]] bool looks_closer() const { return country.value || ray.value || provider.value; }
  [[nodiscard]] bool accepts(const AuditEvent& event) const {
    if (!country.holds(text_of(event, "country")) || !ray.holds(ray_of(event))) return false;
    if (!provider.value) return true;
    const bool is_it = ascii_iequals(text_of(event, "method"), *provider.value) ||
                       ascii_iequals(text_of(event, "connection"), *provider.value);
    return is_it != provider.is_negated;
  }
};

std::expected<void, HttpResponse> read_email(const Call& call, AuditQuery& query) {
  const auto compared = GATEHOUSE_TRY(word_of(call, "emailOp", {"eq", "neq", "contains"}));
  const bool is_exact = GATEHOUSE_TRY(flag_of(call, "email_exact")).value_or(false);
  query.actor = ascii_lower(call.query("email").value_or(""));
  if (compared == "neq")
    query.actor_match = AuditQuery::Match::NotEqual;
  else if (compared == "eq" || is_exact)
    query.actor_match = AuditQuery::Match::Equal;
  else
    query.actor_match = AuditQuery::Match::Contains;
  return {};
}

std::expected<std::vector<std::string>, HttpResponse> read_fields(const Call& call) {
  std::vector<std::string> fields;
  const std::string text = call.query("fields").value_or("");
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    const auto name = trim(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (std::ranges::find(kFields, name) == kFields.end())
      return std::unexpected(
          invalid_query("fields", fmt::format("must name some of {}", fmt::join(kFields, ", "))));
    fields.emplace_back(name);
  }
  return fields;
}

std::expected<Question, HttpResponse> question_of(const Call& call) {
  Question question;
  AuditQuery& query = question.query;
  const auto paging = GATEHOUSE_TRY(paging_of(call, 25));
  const auto limit = GATEHOUSE_TRY(count_of(call, "limit", kMost));
  const auto per_page = GATEHOUSE_TRY(count_of(call, "per_page", kMost));
  query.limit = limit && per_page ? std::min(*limit, *per_page)
                                  : limit.value_or(per_page.value_or(paging.per_page));
  query.offset = (paging.page - 1) * query.limit;
  query.oldest_first =
      GATEHOUSE_TRY(word_of(call, "direction", {"desc", "asc"})) == std::optional("asc");
  query.since = GATEHOUSE_TRY(instant_of(call, "since"));
  query.until = GATEHOUSE_TRY(instant_of(call, "until"));
  if (query.until) *query.until += std::chrono::seconds{1};  // inclusive
  GATEHOUSE_TRY_VOID(read_email(call, query));

  const auto application = GATEHOUSE_TRY(condition_of(call, "app_uid"));
  query.application = application.value.value_or("");
  query.application_match =
      application.is_negated ? AuditQuery::Match::NotEqual : AuditQuery::Match::Equal;
  const auto allowed = GATEHOUSE_TRY(flag_condition(call, "allowed"));
  if (!allowed || *allowed) query.events.emplace_back(controlplane::audit_event::kAdmission);
  if (!allowed || !*allowed) {
    query.events.emplace_back(controlplane::audit_event::kRefusal);
    query.events.emplace_back(controlplane::audit_event::kSignInFailed);
  }
  question.country = GATEHOUSE_TRY(condition_of(call, "country_code"));
  question.ray = GATEHOUSE_TRY(condition_of(call, "ray_id"));
  if (question.ray.value)
    question.ray.value->resize(std::min(question.ray.value->size(), kRayDigits));
  question.provider = GATEHOUSE_TRY(condition_of(call, "idp"));
  // Here are people only, each by an identity.
  const bool is_type = GATEHOUSE_TRY(condition_of(call, "app_type")).holds(kType);
  const bool is_identity = !GATEHOUSE_TRY(flag_condition(call, "non_identity")).value_or(false);
  question.is_impossible = !is_type || !is_identity;
  // Taken and without effect, as the original has it: `email` says who.
  GATEHOUSE_TRY(word_of(call, "user_idOp", {"eq", "neq"}));
  question.fields = GATEHOUSE_TRY(read_fields(call));
  return question;
}

json::object entry_of(const AuditEvent& event, const std::vector<std::string>& fields) {
  json::object entry{
      {"action", "login"},
      {"allowed", event.event == controlplane::audit_event::kAdmission},
      {"app_domain", text_of(event, "app_domain")},
      {"app_uid", event.application},
      {"connection", text_of(event, "connection")},
      {"country", text_of(event, "country")},
      {"created_at", format_rfc3339(event.at)},
      {"ip_address", event.ip},
      {"ray_id", ray_of(event)},
      {"reason", event.reason},
  };
  if (!event.actor.empty()) entry["user_email"] = event.actor;
  if (fields.empty()) return entry;
  json::object chosen;
  for (const auto& field : fields)
    if (const auto* value = json::find(entry, field)) chosen[field] = *value;
  return chosen;
}

storage::Result<std::vector<AuditEvent>> look(storage::Store& store, const Question& question) {
  if (!question.looks_closer()) {
    auto page = store.find_audit(question.query);
    if (!page) return std::unexpected(page.error());
    return std::move(page->items);
  }
  std::vector<AuditEvent> found;
  std::size_t to_skip = question.query.offset;
  auto query = question.query;
  query.limit = kRowsAtOnce;
  for (query.offset = 0; query.offset < kMostLookedAt; query.offset += kRowsAtOnce) {
    auto page = store.find_audit(query);
    if (!page) return std::unexpected(page.error());
    for (auto& event : page->items) {
      if (!question.accepts(event)) continue;
      if (to_skip > 0) {
        --to_skip;
        continue;
      }
      found.push_back(std::move(event));
      if (found.size() == question.query.limit) return found;
    }
    if (page->items.size() < kRowsAtOnce) break;
  }
  return found;
}

HttpResponse access_requests(const Call& call) {
  const auto question = question_of(call);
  if (!question) return question.error();
  json::array entries;
  if (!question->is_impossible) {
    const auto events = look(call.context().dependencies.store, *question);
    if (!events) return unavailable();
    for (const auto& event : *events) entries.emplace_back(entry_of(event, question->fields));
  }
  return success(std::move(entries));
}

// Nothing of this kind ever happens here.
HttpResponse nothing(const Call& call, std::size_t per_page) {
  const auto paging = paging_of(call, per_page);
  if (!paging) return paging.error();
  for (const std::string_view name : {"since", "until"})
    if (const auto instant = instant_of(call, name); !instant) return instant.error();
  return list({}, paging->page, paging->per_page, 0);
}

HttpResponse scim_updates(const Call& call) {
  if (call.queries("idp_id").empty()) return invalid_query("idp_id", "is missing");
  return nothing(call, 20);
}

}  // namespace

void add_access_logs(std::vector<Operation>& operations) {
  operations.push_back(
      {"GET", "access/logs/access_requests", kFamily, Access::Read, access_requests});
  operations.push_back({"GET", "access/logs/jit_requests", kFamily, Access::Read,
                        [](const Call& call) { return nothing(call, 25); }});
  operations.push_back({"GET", "access/logs/jit_requests/{knock_request_id}", kFamily, Access::Read,
                        [](const Call&) { return not_found(); }});
  operations.push_back({"GET", "access/logs/scim/updates", kFamily, Access::Read, scim_updates});
}

}  // namespace gatehouse::adapters::admin_api
