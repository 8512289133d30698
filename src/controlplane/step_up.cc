#include "controlplane/step_up.h"

#include <algorithm>
#include <set>

#include "base/json.h"

namespace gatehouse::controlplane {
namespace {

class ContextFinder {
 public:
  ContextFinder(const model::Resources& resources, const model::Identity& identity)
      : resources_(resources), identity_(identity) {
    for (const auto& provider : resources.identity_providers)
      if (provider.id == identity.login_method) name_ = provider.name;
  }

  template <typename Owner>
  void visit(const Owner& owner) {
    for (const auto* list : {&owner.include, &owner.require, &owner.exclude})
      for (const auto& selector : *list) visit_selector(selector);
  }
  std::vector<std::string> missing() && { return std::move(missing_); }

 private:
  void visit_selector(const model::Selector& selector) {
    if (selector.kind == "group") {
      const auto id = json::find_string(selector.value, "id").value_or("");
      for (const auto& group : resources_.groups)
        if ((group.id == id || group.name == id) && visited_.insert(&group).second) visit(group);
    }
    if (selector.kind != "auth_context") return;
    const auto provider = json::find_string(selector.value, "identity_provider_id").value_or("");
    const std::string context(json::find_string(selector.value, "ac_id").value_or(""));
    if (provider != identity_.login_method && provider != name_) return;
    const auto has = [&](const auto& list) {
      return std::ranges::find(list, context) != list.end();
    };
    if (!has(identity_.auth_contexts) && !has(missing_)) missing_.push_back(context);
  }

  const model::Resources& resources_;
  const model::Identity& identity_;
  std::string name_;
  std::set<const model::Group*> visited_;
  std::vector<std::string> missing_;
};

}  // namespace

std::vector<std::string> missing_auth_contexts(const model::Resources& resources,
                                               const model::Application& application,
                                               const model::Identity& identity) {
  ContextFinder finder(resources, identity);
  for (const auto& policy : application.policies) finder.visit(policy);
  return std::move(finder).missing();
}

}  // namespace gatehouse::controlplane
