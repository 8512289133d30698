#include "evaluator.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <regex>
#include <vector>

namespace reference {
namespace {

namespace bj = boost::json;

enum Logic { No, Unknown, Yes };
struct Result {
  Logic logic;
  std::string why;  // empty for Yes
};

// From the easiest obstacle to the hardest, as in docs/reference/reasons.md.
const std::vector<std::string> kOrder = {
    "posture_missing",         "posture_stale",
    "posture_unreadable",      "posture_not_managed",
    "posture_checkin_too_old", "posture_checkin_unknown",
    "not_signed_in",           "login_method_not_allowed",
    "identity_not_permitted",  "service_token_not_permitted",
    "network_not_permitted",   "blocked_by_policy",
    "no_policy_matched",
};

std::ptrdiff_t place(const std::string& why) {
  return std::ranges::find(kOrder, why) - kOrder.begin();
}
std::string easiest(const std::vector<std::string>& all) {
  return *std::ranges::min_element(all, {}, place);
}
std::string hardest(const std::vector<std::string>& all) {
  return *std::ranges::max_element(all, {}, place);
}

Result any(const std::vector<Result>& all) {
  std::vector<std::string> obstacles;
  Logic best = No;
  for (const auto& one : all) {
    if (one.logic == Yes) return {Yes, ""};
    best = std::max(best, one.logic);
    obstacles.push_back(one.why);
  }
  return obstacles.empty() ? Result{No, "no_policy_matched"} : Result{best, easiest(obstacles)};
}

Result every(const std::vector<Result>& all) {
  std::vector<std::string> obstacles;
  Logic worst = Yes;
  for (const auto& one : all) {
    worst = std::min(worst, one.logic);
    if (one.logic != Yes) obstacles.push_back(one.why);
  }
  return obstacles.empty() ? Result{Yes, ""} : Result{worst, hardest(obstacles)};
}

std::string text(const bj::object& from, const char* key) {
  return bj::value_to<std::string>(from.at(key));
}

std::string lower(std::string value) {
  for (char& c : value) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return value;
}

bool in_network(const std::string& address, const std::string& network) {
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

class Evaluator {
 public:
  Evaluator(const bj::object& world, const bj::object& request)
      : world_(world), request_(request), now_(request.at("now").as_int64()) {}

  Answer run() {
    std::vector<std::string> obstacles;
    for (const bool first_pass : {true, false}) {
      for (const auto& item : world_.at("policies").as_array()) {
        const bj::object& policy = item.as_object();
        const std::string decision = text(policy, "decision");
        const std::string name = text(policy, "name");
        if ((decision == "bypass" || decision == "non_identity") != first_pass) continue;
        const Result rules_say = rules(policy);
        if (decision == "bypass") {
          if (rules_say.logic == Yes) return {"bypass", "none", "none", name};
        } else if (decision == "non_identity") {
          if (rules_say.logic == Yes) return {"allow", "none", "none", name};
          obstacles.push_back(rules_say.why);
        } else if (decision == "allow") {
          const Result all = every({rules_say, person()});
          if (all.logic == Yes) return {"allow", "none", "none", name};
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
  static Answer refusal(const std::string& reason, const std::string& policy) {
    if (reason == "posture_missing" || reason == "posture_stale" || reason == "posture_unreadable")
      return {"challenge", reason, "posture", policy};
    if (reason == "not_signed_in" || reason == "login_method_not_allowed")
      return {"challenge", reason, "sign_in", policy};
    return {"deny", reason, "none", policy};
  }

  const bj::object* session() const { return request_.at("session").if_object(); }

  Result person() const {
    if (session() == nullptr) return {Unknown, "not_signed_in"};
    const auto& allowed = world_.at("allowed_idps").as_array();
    if (allowed.empty() ||
        std::ranges::find(allowed, session()->at("login_method")) != allowed.end())
      return {Yes, ""};
    return {No, "login_method_not_allowed"};
  }

  Result rules(const bj::object& from) const {
    std::vector<Result> include;
    std::vector<Result> all;
    for (const auto& one : from.at("include").as_array())
      include.push_back(selector(one.as_object()));
    all.push_back(any(include));
    for (const auto& one : from.at("require").as_array()) all.push_back(selector(one.as_object()));
    // NOT OR(exclude)
    std::vector<std::string> holding;
    std::vector<std::string> undecided;
    std::vector<std::string> obstacles;
    for (const auto& one : from.at("exclude").as_array()) {
      const Result found = selector(one.as_object());
      if (found.logic == Yes)
        holding.push_back(one.as_object().contains("ip") ? "network_not_permitted"
                                                         : "no_policy_matched");
      if (found.logic == Unknown) undecided.push_back(found.why);
      if (found.logic != Yes) obstacles.push_back(found.why);
    }
    if (!holding.empty())
      all.push_back({No, hardest(holding)});
    else if (!undecided.empty())
      all.push_back({Unknown, easiest(obstacles)});
    return every(all);
  }

  Result selector(const bj::object& one) const {
    const std::string kind = one.begin()->key();
    const bj::object& value = one.begin()->value().as_object();
    const bj::object* signed_in = session();
    if (kind == "everyone") return {Yes, ""};
    if (kind == "ip")
      return in_network(text(request_, "ip"), text(value, "ip"))
                 ? Result{Yes, ""}
                 : Result{No, "network_not_permitted"};
    if (kind == "service_token") return token(text(value, "token_id"));
    if (kind == "group") return rules(world_.at("groups").at(text(value, "id")).as_object());
    // The others look at the person.
    if (signed_in == nullptr) return {Unknown, "not_signed_in"};
    if (kind == "device_posture")
      return posture(world_.at("posture_rules").at(text(value, "integration_uid")).as_object());
    if (kind == "login_method")
      return text(*signed_in, "login_method") == text(value, "id")
                 ? Result{Yes, ""}
                 : Result{No, "login_method_not_allowed"};
    static const std::regex kAddress("([^\\s@\"\\\\(),:;<>\\[\\]]+)@([A-Za-z0-9.-]+[A-Za-z0-9])");
    std::smatch parts;
    const std::string address = text(*signed_in, "email");
    if (std::regex_match(address, parts, kAddress)) {
      if (kind == "email" && lower(address) == lower(text(value, "email"))) return {Yes, ""};
      if (kind == "email_domain" && lower(parts[2]) == lower(text(value, "domain")))
        return {Yes, ""};
    }
    return {No, "identity_not_permitted"};
  }

  Result token(const std::string& wanted) const {
    const auto& held = request_.at("service_token");
    if (held.is_string() && held.as_string() == wanted) {
      const auto& found = world_.at("service_tokens").at(wanted).as_object();
      if (found.at("enabled").as_bool() &&
          (found.at("expires_at").is_null() || now_ < found.at("expires_at").as_int64()))
        return {Yes, ""};
    }
    return {No, "service_token_not_permitted"};
  }

  Result posture(const bj::object& rule) const {
    for (const auto& item : session()->at("posture").as_array()) {
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
      return {Yes, ""};
    }
    return {Unknown, "posture_missing"};
  }

  const bj::object& world_;
  const bj::object& request_;
  std::int64_t now_;
};

}  // namespace

Answer evaluate(const bj::object& world, const bj::object& request) {
  return Evaluator(world, request).run();
}

}  // namespace reference
