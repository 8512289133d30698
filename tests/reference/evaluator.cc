#include "evaluator.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>
#include <vector>

namespace reference {
namespace {

namespace bj = boost::json;
using Text = std::string_view;

enum Logic { No, Unknown, Yes };
struct Result {
  Logic logic;
  Text why;  // empty for Yes
};
constexpr Result kYes{Yes, ""};

// From the easiest obstacle to the hardest, as in docs/reference/reasons.md.
constexpr Text kOrder[] = {
    "purpose_required",
    "posture_missing",
    "posture_stale",
    "posture_unreadable",
    "evaluation_missing",
    "evaluation_stale",
    "posture_not_managed",
    "posture_checkin_too_old",
    "posture_checkin_unknown",
    "posture_not_patched",
    "posture_vulnerable",
    "posture_signal_missing",
    "not_signed_in",
    "login_method_not_allowed",
    "auth_method_missing",
    "auth_context_missing",
    "identity_attribute_missing",
    "certificate_required",
    "certificate_invalid",
    "identity_not_permitted",
    "evaluation_refused",
    "certificate_not_permitted",
    "service_token_not_permitted",
    "country_unknown",
    "country_not_permitted",
    "network_not_permitted",
    "blocked_by_policy",
    "no_policy_matched",
};

std::ptrdiff_t place(Text why) { return std::ranges::find(kOrder, why) - std::begin(kOrder); }
Text easiest(const std::vector<Text>& all) { return *std::ranges::min_element(all, {}, place); }
Text hardest(const std::vector<Text>& all) { return *std::ranges::max_element(all, {}, place); }

Result any(const std::vector<Result>& all) {
  std::vector<Text> obstacles;
  Logic best = No;
  for (const auto& one : all) {
    if (one.logic == Yes) return kYes;
    best = std::max(best, one.logic);
    obstacles.push_back(one.why);
  }
  return obstacles.empty() ? Result{No, "no_policy_matched"} : Result{best, easiest(obstacles)};
}

Result every(const std::vector<Result>& all) {
  std::vector<Text> obstacles;
  Logic worst = Yes;
  for (const auto& one : all) {
    worst = std::min(worst, one.logic);
    if (one.logic != Yes) obstacles.push_back(one.why);
  }
  return obstacles.empty() ? kYes : Result{worst, hardest(obstacles)};
}

Text text(const bj::object& from, Text key) { return from.at(key).as_string(); }
bool flag(const bj::object& from, Text key) { return from.at(key).as_bool(); }

std::string lower(Text value) {
  std::string made(value);
  for (char& c : made) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return made;
}

bool has(const bj::array& texts, Text wanted) {
  return std::ranges::any_of(texts,
                             [&](const bj::value& one) { return Text(one.as_string()) == wanted; });
}

bool says(const bj::value& held, Text wanted) {
  return held.is_string() && Text(held.as_string()) == wanted;
}

bool in_network(Text address_text, Text network_text) {
  const std::string address(address_text);
  const std::string network(network_text);
  const auto slash = network.find('/');
  const int family = network.find(':') == std::string::npos ? AF_INET : AF_INET6;
  unsigned char a[16] = {};
  unsigned char n[16] = {};
  if (inet_pton(family, address.c_str(), a) != 1) return false;
  inet_pton(family, network.substr(0, slash).c_str(), n);
  const int bits = slash == std::string::npos ? (family == AF_INET ? 32 : 128)
                                              : std::stoi(network.substr(slash + 1));
  for (int bit = 0; bit < bits; ++bit)
    if (((a[bit / 8] ^ n[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

// The address in lower case when rules may look at it, else nothing. Only what the generator makes.
std::string usable_address(Text email) {
  const auto at = email.find('@');
  if (at == Text::npos || at == 0 || at + 1 == email.size() || at != email.rfind('@') ||
      email.find('"') != Text::npos)
    return {};
  return lower(email);
}

bool compares(double value, Text comparison, double limit) {
  if (comparison == "<") return value < limit;
  if (comparison == "<=") return value <= limit;
  if (comparison == "==") return value == limit;
  if (comparison == ">=") return value >= limit;
  return value > limit;
}

class Evaluator {
 public:
  Evaluator(const bj::object& world, const bj::object& request, Coverage* coverage)
      : world_(world),
        request_(request),
        now_(request.at("now").as_int64()),
        person_(request.at("session").if_object()),
        coverage_(coverage) {}

  Answer run() {
    if (flag(request_, "preflight") && flag(world_, "options_preflight_bypass"))
      return {"bypass", "none", "none", ""};
    std::vector<Text> obstacles;
    for (const bool first_pass : {true, false}) {
      for (const auto& item : world_.at("policies").as_array()) {
        const bj::object& policy = item.as_object();
        const Text decision = text(policy, "decision");
        const std::string name(text(policy, "name"));
        if ((decision == "bypass" || decision == "non_identity") != first_pass) continue;
        const Result rules_say = rules(policy);
        if (decision == "bypass") {
          if (rules_say.logic == Yes) return {"bypass", "none", "none", name};
        } else if (decision == "non_identity") {
          if (rules_say.logic == Yes) return {"allow", "none", "none", name};
          obstacles.push_back(rules_say.why);
        } else if (decision == "allow") {
          const Result all = every({rules_say, signed_in()});
          if (all.logic == Yes) {
            if (flag(policy, "purpose") && !flag(*person_, "purpose"))
              return refusal("purpose_required", name);
            return {"allow", "none", "none", name};
          }
          obstacles.push_back(all.why);
        } else if (rules_say.logic != No) {
          obstacles.push_back(rules_say.logic == Yes ? "blocked_by_policy" : rules_say.why);
          return refusal(easiest(obstacles), name);
        }
      }
    }
    return refusal(obstacles.empty() ? "no_policy_matched" : easiest(obstacles), "");
  }

 private:
  static Answer refusal(Text reason, const std::string& policy) {
    const std::string why(reason);
    for (const Text one : {"posture_missing", "posture_stale", "posture_unreadable",
                           "evaluation_missing", "evaluation_stale"})
      if (reason == one) return {"challenge", why, "posture", policy};
    if (reason == "not_signed_in" || reason == "login_method_not_allowed" ||
        reason == "auth_context_missing")
      return {"challenge", why, "sign_in", policy};
    if (reason == "purpose_required") return {"challenge", why, "purpose", policy};
    return {"deny", why, "none", policy};
  }

  Result signed_in() const {
    if (person_ == nullptr) return {Unknown, "not_signed_in"};
    const auto& allowed = world_.at("allowed_idps").as_array();
    if (allowed.empty() || has(allowed, text(*person_, "login_method"))) return kYes;
    return {No, "login_method_not_allowed"};
  }

  Result rules(const bj::object& from) {
    std::vector<Result> include;
    std::vector<Result> all;
    for (const auto& one : from.at("include").as_array())
      include.push_back(selector(one.as_object()));
    all.push_back(any(include));
    for (const auto& one : from.at("require").as_array()) all.push_back(selector(one.as_object()));
    // NOT OR(exclude)
    std::vector<Text> holding;
    std::vector<Text> obstacles;
    bool undecided = false;
    for (const auto& one : from.at("exclude").as_array()) {
      const Result found = selector(one.as_object());
      if (found.logic == Yes) holding.push_back(when_excluded(one.as_object().begin()->key()));
      if (found.logic == Unknown) undecided = true;
      if (found.logic != Yes) obstacles.push_back(found.why);
    }
    if (!holding.empty())
      all.push_back({No, hardest(holding)});
    else if (undecided)
      all.push_back({Unknown, easiest(obstacles)});
    return every(all);
  }

  static Text when_excluded(Text kind) {
    if (kind == "ip" || kind == "ip_list") return "network_not_permitted";
    if (kind == "geo") return "country_not_permitted";
    return "no_policy_matched";
  }

  Result selector(const bj::object& one) {
    const Text kind = one.begin()->key();
    const Result found = ask(kind, one.begin()->value().as_object());
    if (coverage_ != nullptr) ++(*coverage_)[std::string(kind).append(" ").append(found.why)];
    return found;
  }

  Result ask(Text kind, const bj::object& value) {
    if (kind == "everyone") return kYes;
    if (kind == "ip") return network({bj::value(text(value, "ip"))});
    if (kind == "ip_list") return network(list(value));
    if (kind == "geo") return country(text(value, "country_code"));
    if (kind == "service_token") return token(text(value, "token_id"));
    if (kind == "any_valid_service_token") return token(text_or_empty("service_token"));
    if (kind == "certificate") return certificate(nullptr);
    if (kind == "common_name") return certificate(&value);
    if (kind == "group") return rules(world_.at("groups").at(text(value, "id")).as_object());
    // The others look at the person.
    if (person_ == nullptr) return {Unknown, "not_signed_in"};
    if (kind == "device_posture")
      return posture(world_.at("posture_rules").at(text(value, "integration_uid")).as_object());
    if (kind == "external_evaluation") return evaluation(value);
    const Text method = text(*person_, "login_method");
    if (kind == "login_method")
      return method == text(value, "id") ? kYes : Result{No, "login_method_not_allowed"};
    if (kind == "auth_method") {
      const auto& used = person_->at("amr").as_array();
      if (used.empty()) return {Unknown, "auth_method_missing"};
      return has(used, text(value, "auth_method")) ? kYes : Result{No, "auth_method_missing"};
    }
    if (kind == "email" || kind == "email_domain" || kind == "email_list")
      return address(kind, value) ? kYes : Result{No, "identity_not_permitted"};
    // The others are about one provider's word.
    return provider(kind, value, method);
  }

  bool address(Text kind, const bj::object& value) const {
    const std::string held = usable_address(text(*person_, "email"));
    if (held.empty()) return false;
    if (kind == "email") return held == lower(text(value, "email"));
    if (kind == "email_domain")
      return held.substr(held.find('@') + 1) == lower(text(value, "domain"));
    return std::ranges::any_of(
        list(value), [&](const bj::value& item) { return held == lower(item.as_string()); });
  }

  Result provider(Text kind, const bj::object& value, Text method) const {
    if (method != text(value, "identity_provider_id")) return {Unknown, "login_method_not_allowed"};
    if (kind == "auth_context") {
      const auto& satisfied = person_->at("auth_contexts").as_array();
      if (satisfied.empty()) return {Unknown, "auth_context_missing"};
      return has(satisfied, text(value, "ac_id")) ? kYes : Result{No, "auth_context_missing"};
    }
    if (kind == "oidc")
      return attribute("claims", text(value, "claim_name"), text(value, "claim_value"));
    if (kind == "saml")
      return attribute("saml_attributes", text(value, "attribute_name"),
                       text(value, "attribute_value"));
    const bool groups = kind != "github-organization";
    if (groups ? in_group(kind, value) : in_organization(value)) return kYes;
    return flag(*person_, groups ? "groups_known" : "organizations_known")
               ? Result{No, "identity_not_permitted"}
               : Result{Unknown, "identity_attribute_missing"};
  }

  bool in_group(Text kind, const bj::object& value) const {
    const auto& held = person_->at("groups").as_array();
    if (kind == "azureAD") return has(held, text(value, "id"));
    if (kind == "okta") return has(held, text(value, "name"));
    // Addresses, whatever their letter case.
    return std::ranges::any_of(held, [&](const bj::value& one) {
      return lower(one.as_string()) == lower(text(value, "email"));
    });
  }

  bool in_organization(const bj::object& value) const {
    for (const auto& member : person_->at("organizations").as_object()) {
      if (lower(member.key()) != lower(text(value, "name"))) continue;
      if (!value.contains("team")) return true;
      for (const auto& team : member.value().as_array())
        if (lower(team.as_string()) == lower(text(value, "team"))) return true;
    }
    return false;
  }

  Result attribute(Text where, Text name, Text wanted) const {
    const auto* values = person_->at(where).as_object().if_contains(name);
    if (values == nullptr) return {Unknown, "identity_attribute_missing"};
    return has(values->as_array(), wanted) ? kYes : Result{No, "identity_not_permitted"};
  }

  const bj::array& list(const bj::object& value) const {
    return world_.at("lists").at(text(value, "id")).as_array();
  }

  Result network(const bj::array& networks) const {
    for (const bj::value& one : networks)
      if (in_network(text(request_, "ip"), one.as_string())) return kYes;
    return {No, "network_not_permitted"};
  }

  Result country(Text wanted) const {
    const Text held = text(request_, "country");
    if (held.empty()) return {Unknown, "country_unknown"};
    return held == wanted ? kYes : Result{No, "country_not_permitted"};
  }

  Result certificate(const bj::object* wanted) const {
    const bj::value& held = request_.at("certificate");
    if (says(held, "none")) return {No, "certificate_required"};
    if (says(held, "unknown")) return {Unknown, "certificate_required"};
    if (says(held, "invalid")) return {Unknown, "certificate_invalid"};
    if (wanted == nullptr || held.at("common_name") == wanted->at("common_name")) return kYes;
    return {No, "certificate_not_permitted"};
  }

  Text text_or_empty(Text key) const {
    const auto* found = request_.at(key).if_string();
    return found == nullptr ? Text() : Text(*found);
  }

  Result token(Text wanted) const {
    if (!wanted.empty() && text_or_empty("service_token") == wanted) {
      const auto& found = world_.at("service_tokens").at(wanted).as_object();
      if (flag(found, "enabled") &&
          (found.at("expires_at").is_null() || now_ < found.at("expires_at").as_int64()))
        return kYes;
    }
    return {No, "service_token_not_permitted"};
  }

  Result evaluation(const bj::object& value) const {
    const std::int64_t max_age = value.contains("expiration") ? 600 : 3600;
    for (const auto& item : person_->at("evaluations").as_array()) {
      const bj::object& held = item.as_object();
      if (text(held, "evaluate_url") != text(value, "evaluate_url")) continue;
      const auto established = held.at("established_at").as_int64();
      if (now_ - established > max_age) return {Unknown, "evaluation_stale"};
      if (established - now_ > 30) return {Unknown, "evaluation_missing"};
      return flag(held, "success") ? kYes : Result{No, "evaluation_refused"};
    }
    return {Unknown, "evaluation_missing"};
  }

  Result posture(const bj::object& rule) const {
    for (const auto& item : person_->at("posture").as_array()) {
      const bj::object& held = item.as_object();
      if (held.at("integration_id") != rule.at("integration_id")) continue;
      const auto established = held.at("established_at").as_int64();
      if (now_ - established > rule.at("max_evidence_age").as_int64())
        return {Unknown, "posture_stale"};
      if (established - now_ > 30) return {Unknown, "posture_unreadable"};
      if (rule.at("managed").as_bool()) {
        if (!held.contains("managed")) return {Unknown, "posture_unreadable"};
        if (!held.at("managed").as_bool()) return {No, "posture_not_managed"};
      }
      if (!held.contains("last_checkin")) return {Unknown, "posture_checkin_unknown"};
      const auto checkin = held.at("last_checkin").as_int64();
      if (now_ - checkin > rule.at("max_checkin_age").as_int64())
        return {No, "posture_checkin_too_old"};
      if (checkin - now_ > 30) return {Unknown, "posture_unreadable"};
      if (flag(rule, "patched")) {
        if (!held.contains("patched")) return {Unknown, "posture_signal_missing"};
        if (!flag(held, "patched")) return {No, "posture_not_patched"};
      }
      if (const auto* limit = rule.if_contains("score")) {
        if (!held.contains("score")) return {Unknown, "posture_signal_missing"};
        if (!compares(held.at("score").to_number<double>(), limit->at("operator").as_string(),
                      limit->at("value").to_number<double>()))
          return {No, "posture_vulnerable"};
      }
      return kYes;
    }
    return {Unknown, "posture_missing"};
  }

  const bj::object& world_;
  const bj::object& request_;
  std::int64_t now_;
  const bj::object* person_;
  Coverage* coverage_;
};

}  // namespace

Answer evaluate(const bj::object& world, const bj::object& request, Coverage* coverage) {
  return Evaluator(world, request, coverage).run();
}

}  // namespace reference
