// gatehouse/decisions: what the decision logs of this node have, with the names of now.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "adapters/admin_api/call.h"
#include "adapters/admin_api/query.h"
#include "base/encoding.h"
#include "base/time.h"
#include "base/try.h"
#include "model/identity.h"

namespace gatehouse::adapters::admin_api {
namespace {

using dataplane::DecisionsAsked;
using dataplane::Take;
using net::HttpResponse;

constexpr std::string_view kFamily = "gatehouse/decisions";
constexpr std::size_t kMost = 1000;
constexpr std::size_t kUsual = 100;
// Lines are written when requests end, so their times go back and forth a little.
constexpr std::chrono::seconds kDisorder{120};

std::string_view text_of(const json::object& line, std::string_view member) {
  return json::find_string(line, member).value_or("");
}
std::string_view evidence_text(const json::object& line, std::string_view member) {
  const auto* evidence = json::find_object(line, "evidence");
  return evidence == nullptr ? "" : text_of(*evidence, member);
}

// Which lines are wanted. A condition that nobody could meet is impossible.
struct Conditions {
  std::vector<std::pair<std::string_view, std::string>> members;   // of the line
  std::vector<std::pair<std::string_view, std::string>> evidence;  // of its evidence
  std::optional<Instant> since;
  std::optional<Instant> until;
  bool is_impossible = false;

  [[nodiscard]] Take judge(const json::object& line) const {
    for (const auto& [name, value] : members)
      if (text_of(line, name) != value) return by_time(line, Take::No);
    for (const auto& [name, value] : evidence)
      if (evidence_text(line, name) != value) return by_time(line, Take::No);
    return by_time(line, Take::Yes);
  }

 private:
  [[nodiscard]] Take by_time(const json::object& line, Take otherwise) const {
    if (!since && !until) return otherwise;
    const auto at = parse_rfc3339(text_of(line, "at"));
    if (!at || (until && *at >= *until)) return Take::No;
    if (!since || *at >= *since) return otherwise;
    return *at < *since - kDisorder ? Take::Stop : Take::No;
  }
};

std::expected<Conditions, HttpResponse> conditions_of(const Call& call) {
  Conditions conditions;
  conditions.since = GATEHOUSE_TRY(instant_of(call, "since"));
  conditions.until = GATEHOUSE_TRY(instant_of(call, "until"));
  GATEHOUSE_TRY(word_of(call, "effect", {"allow", "bypass", "deny", "ended"}));
  const auto add = [&](auto& list, std::string_view parameter, std::string_view member) {
    if (auto value = call.query(parameter); value && !value->empty())
      list.emplace_back(member, std::move(*value));
  };
  for (const std::string_view name :
       {"reason", "effect", "application", "policy", "ip", "host", "reference"})
    add(conditions.members, name, name);
  add(conditions.members, "application_id", "application");
  add(conditions.evidence, "user_id", "user");
  add(conditions.evidence, "service_token_id", "service_token");
  if (const auto email = call.query("email"); email && !email->empty()) {
    const auto address = model::canonical_email(*email);
    const auto user = address ? call.context().dependencies.store.find_user(*address)
                              : storage::Result<std::optional<storage::User>>(std::nullopt);
    if (!user) return std::unexpected(unavailable());
    if (*user)
      conditions.evidence.emplace_back("user", (*user)->id);
    else
      conditions.is_impossible = true;
  }
  return conditions;
}

// Names of now, each looked up once.
class Names {
 public:
  explicit Names(const Call& call) : call_(call), configuration_(call.context().configuration()) {}

  [[nodiscard]] std::string email(const std::string& user_id) {
    auto [known, is_new] = emails_.try_emplace(user_id);
    if (is_new) {
      const auto user = call_.context().dependencies.store.find_user(user_id);
      if (user && *user) known->second = (*user)->email;
    }
    return known->second;
  }
  [[nodiscard]] const model::Application* application(std::string_view id) const {
    return configuration_ ? find(configuration_->resources->applications, id) : nullptr;
  }
  [[nodiscard]] std::string policy(const model::Application* application,
                                   std::string_view id) const {
    if (application != nullptr)
      if (const auto* own = find(application->policies, id)) return own->name;
    return "";
  }
  [[nodiscard]] std::string service_token(std::string_view id) const {
    const auto* token =
        configuration_ ? find(configuration_->resources->service_tokens, id) : nullptr;
    return token == nullptr ? "" : token->name;
  }
  [[nodiscard]] std::string integration(std::string_view id) const {
    const auto* known =
        configuration_ ? find(configuration_->resources->posture_integrations, id) : nullptr;
    return known == nullptr ? "" : known->name;
  }

 private:
  template <typename Things>
  static const typename Things::value_type* find(const Things& things, std::string_view id) {
    const auto found = std::ranges::find(things, id, &Things::value_type::id);
    return found == things.end() ? nullptr : &*found;
  }

  const Call& call_;
  std::shared_ptr<const controlplane::Configuration> configuration_;
  std::map<std::string, std::string> emails_;
};

// An entry `posture/<id>` or `evaluation/<key>` of the evidence: how old it was.
std::optional<std::pair<std::string_view, std::int64_t>> age_of(std::string_view key,
                                                                const json::value& value,
                                                                std::string_view kind) {
  if (!key.starts_with(kind) || !value.is_int64()) return std::nullopt;
  return std::pair{key.substr(kind.size()), value.get_int64()};
}

json::object to_json(const json::object& line, Names& names) {
  const auto* application = names.application(text_of(line, "application"));
  const auto number = [&](std::string_view member) {
    return json::find_int(line, member).value_or(0);
  };
  json::object shown{{"at", ""},
                     {"source", text_of(line, "source")},
                     {"reference", text_of(line, "reference")},
                     {"effect", text_of(line, "effect")},
                     {"reason", text_of(line, "reason")},
                     {"application", text_of(line, "application")},
                     {"application_name", application == nullptr ? "" : application->name},
                     {"policy", text_of(line, "policy")},
                     {"policy_name", names.policy(application, text_of(line, "policy"))},
                     {"user", nullptr},
                     {"service_token", nullptr},
                     {"ip", text_of(line, "ip")},
                     {"host", text_of(line, "host")},
                     {"method", text_of(line, "method")},
                     {"status", number("status")},
                     {"transaction", number("transaction")},
                     {"session", evidence_text(line, "session")},
                     {"identity_age_seconds", nullptr},
                     {"posture", json::array{}},
                     {"evaluations", json::array{}},
                     {"detail", text_of(line, "detail")}};
  if (const auto at = parse_rfc3339(text_of(line, "at"))) shown["at"] = format_rfc3339(*at);
  const auto* evidence = json::find_object(line, "evidence");
  if (evidence == nullptr) return shown;
  if (const std::string user(text_of(*evidence, "user")); !user.empty())
    shown["user"] = json::object{{"id", user}, {"email", names.email(user)}};
  if (const auto token = text_of(*evidence, "service_token"); !token.empty())
    shown["service_token"] = json::object{{"id", token}, {"name", names.service_token(token)}};
  if (const auto age = json::find_int(*evidence, "identity")) shown["identity_age_seconds"] = *age;
  const auto* signals = json::find_object(*evidence, "signals");
  for (const auto& [key, value] : *evidence) {
    if (const auto posture = age_of(key, value, "posture/")) {
      json::object one{{"integration_id", posture->first},
                       {"integration_name", names.integration(posture->first)},
                       {"age_seconds", posture->second}};
      if (signals != nullptr)
        if (const auto* said = json::find_object(*signals, posture->first)) one["signals"] = *said;
      shown["posture"].as_array().emplace_back(std::move(one));
    } else if (const auto evaluation = age_of(key, value, "evaluation/")) {
      shown["evaluations"].as_array().emplace_back(
          json::object{{"key", evaluation->first}, {"age_seconds", evaluation->second}});
    }
  }
  return shown;
}

HttpResponse list_decisions(const Call& call) {
  const auto limit = count_of(call, "limit", kMost);
  if (!limit) return limit.error();
  const auto conditions = conditions_of(call);
  if (!conditions) return conditions.error();
  DecisionsAsked asked;
  asked.limit = limit->value_or(kUsual);
  asked.older_than = call.query("cursor").value_or("");
  asked.newer_than = call.query("after").value_or("");
  if (!asked.older_than.empty() && !asked.newer_than.empty())
    return invalid_query("after", "goes not together with `cursor`");
  asked.take = [&](const json::object& line) {
    return conditions->is_impossible ? Take::No : conditions->judge(line);
  };
  const auto found = call.services.decisions(asked);
  if (!found)
    return invalid_query(asked.older_than.empty() ? "after" : "cursor",
                         "is no cursor of an earlier answer");
  Names names(call);
  json::array shown;
  for (const auto& line : found->lines) shown.emplace_back(to_json(line, names));
  json::object cursors{{"older", nullptr}, {"newer", found->newer}};
  if (found->older) cursors["older"] = *found->older;
  return log_page(std::move(shown), asked.limit, std::move(cursors));
}

HttpResponse show_decision(const Call& call) {
  const std::string& reference = call.arguments.front();
  DecisionsAsked asked;
  asked.limit = 1;
  asked.take = [&](const json::object& line) {
    return text_of(line, "reference") == reference ? Take::Yes : Take::No;
  };
  const auto found = call.services.decisions(asked);
  if (!found || found->lines.empty()) return not_found();
  Names names(call);
  json::object shown{{"decision", to_json(found->lines.front(), names)}};
  for (auto& [key, value] : call.services.review(found->lines.front()))
    shown[key] = std::move(value);
  return success(std::move(shown));
}

}  // namespace

void add_decisions(std::vector<Operation>& operations) {
  operations.push_back({"GET", "gatehouse/decisions", kFamily, Access::Read, list_decisions});
  operations.push_back(
      {"GET", "gatehouse/decisions/{reference}", kFamily, Access::Read, show_decision});
}

}  // namespace gatehouse::adapters::admin_api
