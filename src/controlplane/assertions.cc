#include "controlplane/assertions.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <set>

#include "controlplane/token.h"

namespace gatehouse::controlplane {
namespace {

// Kinds that speak of people and their devices: no service token satisfies them.
constexpr std::array<std::string_view, 14> kPersonKinds{"auth_context",
                                                        "auth_method",
                                                        "azureAD",
                                                        "device_posture",
                                                        "email",
                                                        "email_domain",
                                                        "email_list",
                                                        "external_evaluation",
                                                        "github-organization",
                                                        "gsuite",
                                                        "login_method",
                                                        "oidc",
                                                        "okta",
                                                        "saml"};

// Walks the includes of Service Auth policies, each group once.
class TokenFinder {
 public:
  explicit TokenFinder(const model::Resources& resources) : resources_(resources) {}

  template <typename Owner>
  void visit(const Owner& owner) {
    for (const auto& selector : owner.include) {
      if (selector.kind == "service_token") {
        found_.insert(json::find_string(selector.value, "token_id").value_or(""));
      } else if (selector.kind == "group") {
        visit_group(json::find_string(selector.value, "id").value_or(""));
      } else if (std::find(kPersonKinds.begin(), kPersonKinds.end(), selector.kind) ==
                 kPersonKinds.end()) {
        any_ = true;  // a network, everyone: whichever token comes along
      }
    }
  }

  [[nodiscard]] std::vector<const model::ServiceToken*> tokens() const {
    std::vector<const model::ServiceToken*> ordered;
    for (const auto& token : resources_.service_tokens)
      if (any_ || found_.contains(token.id)) ordered.push_back(&token);
    return ordered;
  }

 private:
  void visit_group(std::string_view id) {
    for (const auto& group : resources_.groups)
      if (group.id == id && visited_.insert(&group).second) visit(group);
  }

  const model::Resources& resources_;
  bool any_ = false;
  std::set<std::string_view> found_;
  std::set<const model::Group*> visited_;
};

}  // namespace

std::vector<const model::ServiceToken*> admissible_service_tokens(
    const model::Resources& resources, const model::Application& application) {
  TokenFinder finder(resources);
  for (const auto& policy : application.policies)
    if (policy.action == model::Action::ServiceAuth) finder.visit(policy);
  return finder.tokens();
}

bool AssertionIssuer::publish(const model::Resources& resources, std::string_view issuer,
                              const Vault& vault, node_state::Writer& node_state, Instant now,
                              Extent extent) {
  if (issuer_ != issuer) issued_.clear();
  issuer_ = issuer;
  renew_at_ = Instant::max();
  bool written = true;
  std::map<std::pair<std::string, std::string>, Issued> kept;
  for (const auto& application : resources.applications) {
    if (!model::is_protected(application)) continue;
    for (const auto* token : admissible_service_tokens(resources, application)) {
      const auto expires_at =
          std::min(now + kAssertionLifetime, token->expires_at.value_or(Instant::max()));
      if (!token->enabled || expires_at <= now) continue;
      std::pair key{token->id, application.audience};
      auto known = issued_.find(key);
      // Also signed anew when the token's own end has moved before the assertion's.
      const bool due = known == issued_.end() || known->second.client_id != token->client_id ||
                       known->second.renew_at <= now || known->second.expires_at > expires_at;
      Issued issued;
      if (due) {
        auto claims =
            token_claims(issuer, application.audience, kApplicationTokenType, now, expires_at);
        claims["common_name"] = token->client_id;
        claims["sub"] = "";
        issued = {vault.sign(claims), token->client_id, now + (expires_at - now) / 2, expires_at};
      } else {
        issued = known->second;
      }
      if (due || extent == Extent::All) {
        if (const auto put = node_state.put_assertion(token->id, application.audience, issued.jwt);
            !put) {
          spdlog::error("assertion_write_failed message=\"{}\"", put.error().message);
          written = false;
        }
      }
      // The last one of a token that ends needs no successor.
      if (!token->expires_at || expires_at < *token->expires_at)
        renew_at_ = std::min(renew_at_, issued.renew_at);
      else
        issued.renew_at = Instant::max();
      kept.emplace(std::move(key), std::move(issued));
    }
  }
  issued_ = std::move(kept);
  return written;
}

}  // namespace gatehouse::controlplane
