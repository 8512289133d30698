#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "adapters/admin_api/application_policies.h"
#include "adapters/admin_api/resources.h"
#include "base/try.h"
#include "controlplane/revocation.h"
#include "platform/random.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::ChangeError;
using controlplane::ChangeErrorKind;
using controlplane::Edit;
using net::HttpResponse;
using policy::Document;
using policy::Documents;
using policy::Kind;

constexpr std::string_view kFamily = "access/apps";
constexpr std::size_t kAudienceBytes = 32;

// --- the applications themselves

Show show_applications(const Call&, const Documents& documents) {
  return [&documents](const Document& document) {
    json::object shown = document.body;
    json::array policies;
    for (const auto& policy : policies_of(document.body, documents))
      policies.emplace_back(show_policy(policy, document, documents));
    shown["policies"] = std::move(policies);
    return shown;
  };
}

// Every place of an application: `domain` and the lists beside it.
bool any_domain(const json::object& body, const std::function<bool(std::string_view)>& wanted) {
  if (const auto domain = json::find_string(body, "domain"); domain && wanted(*domain)) return true;
  const auto* domains = json::find_array(body, "self_hosted_domains");
  return domains != nullptr && std::ranges::any_of(*domains, [&](const json::value& domain) {
           return domain.is_string() && wanted(domain.get_string());
         });
}

Wanted make_wanted(const Call& call) {
  return [is_exact = call.query("exact") == "true", aud = call.query("aud").value_or(""),
          name = call.query("name").value_or(""), domain = call.query("domain").value_or(""),
          search = call.query("search").value_or("")](const Document& document) {
    const auto fits = [&](std::string_view text, std::string_view asked) {
      return is_exact ? text == asked : contains(text, asked);
    };
    const auto known_aud = json::find_string(document.body, "aud").value_or("");
    if (!aud.empty() && aud != known_aud) return false;
    if (!name.empty() && !fits(document.name, name)) return false;
    if (!domain.empty() &&
        !any_domain(document.body, [&](std::string_view known) { return fits(known, domain); }))
      return false;
    return search.empty() || contains(document.name, search) || known_aud == search ||
           any_domain(document.body,
                      [&](std::string_view known) { return contains(known, search); });
  };
}

const Collection& applications() {
  static const Collection collection{.kind = Kind::Application,
                                     .per_page = 1000,
                                     .make_show = show_applications,
                                     .make_wanted = make_wanted};
  return collection;
}

std::expected<void, ChangeError> put_policies(json::object& body, const Document* before,
                                              const Documents& documents) {
  const json::value* written = json::find(body, "policies");
  if (written == nullptr || written->is_null()) {
    // Policies that are not spoken of stay.
    body.erase("policies");
    if (before != nullptr) body["policies"] = policies_value(policies_of(before->body, documents));
    return {};
  }
  auto policies = GATEHOUSE_TRY(
      read_policies(*written, before == nullptr ? nullptr : &before->body, documents));
  body["policies"] = policies_value(std::move(policies));
  return {};
}

HttpResponse create_application(const Call& call) {
  auto body = new_body(call);
  if (!body) return std::move(body.error());
  const std::string id = random_uuid();
  (*body)["id"] = id;
  (*body)["aud"] = random_hex(kAudienceBytes);
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        json::object application = *body;
        GATEHOUSE_TRY_VOID(put_policies(application, nullptr, documents));
        return std::vector<Edit>{{Kind::Application, id, std::move(application)}};
      },
      [&] { return show_document(call, applications(), id, 201); });
}

HttpResponse replace_application(const Call& call) {
  const std::string& id = call.arguments[0];
  const auto body = body_of(call, id);
  if (!body) return body.error();
  return edit(call, applications(), id,
              [&](const Document& current,
                  const Documents& documents) -> std::expected<json::object, ChangeError> {
                json::object application = *body;
                if (const json::value* aud = json::find(current.body, "aud")) {
                  application["aud"] = *aud;
                } else {
                  application.erase("aud");
                }
                GATEHOUSE_TRY_VOID(put_policies(application, &current, documents));
                return application;
              });
}

HttpResponse remove_application(const Call& call) {
  return remove(call, applications(), call.arguments[0]);
}

HttpResponse revoke_tokens(const Call& call) {
  const std::string& id = call.arguments[0];
  if (documents_of(call)->find(Kind::Application, id) == nullptr) return not_found();
  const auto outcome = controlplane::revoke_application(call.context(), id, call.actor());
  if (outcome) return success(json::object{}, 202);
  if (outcome.error() == controlplane::RevocationError::StoreUnavailable) return unavailable();
  if (outcome.error() == controlplane::RevocationError::NoSuchApplication) return not_found();
  return invalid("", controlplane::to_string(outcome.error()));
}

// --- settings

constexpr std::array<std::string_view, 2> kSettings{"allow_iframe", "skip_interstitial"};

HttpResponse change_settings(const Call& call) {
  const std::string& id = call.arguments[0];
  const auto body = call.body();
  if (!body) return body.error();
  for (const auto& [key, value] : *body) {
    if (std::ranges::find(kSettings, std::string_view(key)) == kSettings.end())
      return invalid("/" + std::string(key),
                     "is not a setting; there are `allow_iframe` and "
                     "`skip_interstitial`");
    if (!value.is_bool()) return invalid("/" + std::string(key), "must be true or false");
  }
  const bool is_whole = call.request.method == "PUT";
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        const Document* current = GATEHOUSE_TRY(for_change(call, documents, Kind::Application, id));
        json::object application = current->body;
        for (const std::string_view key : kSettings) {
          if (const json::value* value = json::find(*body, key)) {
            application[key] = *value;
          } else if (is_whole) {
            application.erase(key);
          }
        }
        return std::vector<Edit>{{Kind::Application, id, std::move(application)}};
      },
      [&] {
        const auto documents = documents_of(call);
        const Document* document = documents->find(Kind::Application, id);
        if (document == nullptr) return not_found();
        json::object settings;
        for (const std::string_view key : kSettings)
          settings[key] = json::find_bool(document->body, key).value_or(false);
        return success(std::move(settings), 202);
      });
}

// --- the policies of one application

HttpResponse list_policies(const Call& call) {
  const auto documents = documents_of(call);
  const Document* application = documents->find(Kind::Application, call.arguments[0]);
  if (application == nullptr) return not_found();
  json::array shown;
  for (const auto& policy : policies_of(application->body, *documents))
    shown.emplace_back(show_policy(policy, *application, *documents));
  return list_page(call, 200, std::move(shown));
}

std::vector<ApplicationPolicy>::iterator find(std::vector<ApplicationPolicy>& policies,
                                              std::string_view id) {
  return std::ranges::find(policies, id, &ApplicationPolicy::id);
}

HttpResponse show_one(const Call& call, std::string_view policy_id, int status) {
  const auto documents = documents_of(call);
  const Document* application = documents->find(Kind::Application, call.arguments[0]);
  if (application == nullptr) return not_found();
  auto policies = policies_of(application->body, *documents);
  const auto found = find(policies, policy_id);
  if (found == policies.end()) return not_found();
  json::object shown = show_policy(*found, *application, *documents);
  const std::string etag = etag_of(found->id, shown);
  auto response = success(std::move(shown), status);
  response.headers.emplace_back("ETag", etag);
  return response;
}

HttpResponse read_policy(const Call& call) { return show_one(call, call.arguments[1], 200); }

// Decides on the policies of the application that the path names, as they are in force.
using EditPolicies = std::function<std::expected<void, ChangeError>(
    std::vector<ApplicationPolicy>& policies, const Document& application,
    const Documents& documents, std::vector<Edit>& more)>;
HttpResponse change_policies(const Call& call, std::string_view policy_id, const EditPolicies& edit,
                             const std::function<HttpResponse()>& answer) {
  const std::string& id = call.arguments[0];
  std::string place;  // of the policy in the application's document
  auto outcome = call.services.gateway.change(
      call.actor(),
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        const Document* current = documents.find(Kind::Application, id);
        if (current == nullptr) return change_error(ChangeErrorKind::NotFound);
        auto policies = policies_of(current->body, documents);
        std::vector<Edit> more;
        GATEHOUSE_TRY_VOID(edit(policies, *current, documents, more));
        std::ranges::stable_sort(policies, {}, &ApplicationPolicy::precedence);
        place = "/policies/" + std::to_string(find(policies, policy_id) - policies.begin());
        json::object application = current->body;
        application["policies"] = policies_value(std::move(policies));
        std::vector<Edit> edits{{Kind::Application, id, std::move(application)}};
        std::ranges::move(more, std::back_inserter(edits));
        return edits;
      });
  if (outcome) return answer();
  // The client wrote the policy alone.
  for (auto& problem : outcome.error().problems) {
    if (problem.pointer.starts_with(place + "/")) problem.pointer.erase(0, place.size());
  }
  return change_failed(outcome.error());
}

// The policy of the path, when `If-Match` allows to change it.
std::expected<std::vector<ApplicationPolicy>::iterator, ChangeError> policy_for_change(
    const Call& call, std::vector<ApplicationPolicy>& policies, const Document& application,
    const Documents& documents) {
  const auto found = find(policies, call.arguments[1]);
  if (found == policies.end()) return change_error(ChangeErrorKind::NotFound);
  if (!if_match(call, etag_of(found->id, show_policy(*found, application, documents))))
    return change_error(ChangeErrorKind::Changed);
  return found;
}

std::expected<std::optional<std::int64_t>, HttpResponse> precedence_of(const json::object& body) {
  const json::value* given = json::find(body, "precedence");
  if (given == nullptr || given->is_null()) return std::nullopt;
  const auto number = json::find_int(body, "precedence");
  if (!number || *number < 0 || *number > std::numeric_limits<std::int32_t>::max())
    return std::unexpected(invalid("/precedence", "must be a number from 0"));
  return number;
}

std::expected<void, ChangeError> check_free(const std::vector<ApplicationPolicy>& policies,
                                            std::string_view id, std::int64_t precedence) {
  for (const auto& policy : policies) {
    if (policy.id != id && policy.precedence == precedence) {
      return change_error(ChangeErrorKind::Invalid, "policy precedences must be unique",
                          "/precedence");
    }
  }
  return {};
}

HttpResponse create_policy(const Call& call) {
  auto body = call.body();
  if (!body) return std::move(body.error());
  const auto precedence = precedence_of(*body);
  if (!precedence) return precedence.error();
  take_out_shown(*body);
  std::string id(json::find_string(*body, "id").value_or(""));
  const bool is_named = !id.empty();
  if (!is_named) id = random_uuid();
  return change_policies(
      call, id,
      [&](std::vector<ApplicationPolicy>& policies, const Document&, const Documents& documents,
          std::vector<Edit>&) -> std::expected<void, ChangeError> {
        const Document* linked = is_named ? documents.find(Kind::Policy, id) : nullptr;
        if (is_named && linked == nullptr) {
          return change_error(ChangeErrorKind::Invalid, "there is no reusable policy with this id",
                              "/id");
        }
        if (linked != nullptr) {
          if (const auto key = changed_key(*body, *linked))
            return change_error(ChangeErrorKind::Invalid, std::string(kChangedElsewhere),
                                "/" + *key);
        }
        if (find(policies, id) != policies.end()) {
          return change_error(ChangeErrorKind::Invalid, "the application has this policy already",
                              "/id");
        }
        std::int64_t place = policies.empty() ? 1 : policies.back().precedence + 1;
        if (*precedence) place = **precedence;
        GATEHOUSE_TRY_VOID(check_free(policies, id, place));
        policies.push_back({id, place, linked != nullptr, *body});
        return {};
      },
      [&] { return show_one(call, id, 201); });
}

HttpResponse replace_policy(const Call& call) {
  const std::string& id = call.arguments[1];
  auto body = body_of(call, id);
  if (!body) return std::move(body.error());
  const auto precedence = precedence_of(*body);
  if (!precedence) return precedence.error();
  return change_policies(
      call, id,
      [&](std::vector<ApplicationPolicy>& policies, const Document& application,
          const Documents& documents, std::vector<Edit>&) -> std::expected<void, ChangeError> {
        const auto found = GATEHOUSE_TRY(policy_for_change(call, policies, application, documents));
        if (found->is_link) {
          // Where it stands is the application's, what it says is not.
          if (const auto key = changed_key(*body, *documents.find(Kind::Policy, id))) {
            return change_error(ChangeErrorKind::Invalid, std::string(kChangedElsewhere),
                                "/" + *key);
          }
        } else {
          take_out_shown(*body);
          found->body = *body;
        }
        if (*precedence) {
          GATEHOUSE_TRY_VOID(check_free(policies, id, **precedence));
          found->precedence = **precedence;
        }
        return {};
      },
      [&] { return show_one(call, id, 200); });
}

HttpResponse remove_policy(const Call& call) {
  const std::string& id = call.arguments[1];
  return change_policies(
      call, id,
      [&](std::vector<ApplicationPolicy>& policies, const Document& application,
          const Documents& documents, std::vector<Edit>&) -> std::expected<void, ChangeError> {
        policies.erase(GATEHOUSE_TRY(policy_for_change(call, policies, application, documents)));
        return {};
      },
      [&] { return success(json::object{{"id", id}}, 202); });
}

HttpResponse make_reusable(const Call& call) {
  const std::string& id = call.arguments[1];
  return change_policies(
      call, id,
      [&](std::vector<ApplicationPolicy>& policies, const Document& application,
          const Documents& documents, std::vector<Edit>& more) -> std::expected<void, ChangeError> {
        const auto found = GATEHOUSE_TRY(policy_for_change(call, policies, application, documents));
        if (found->is_link) {
          return change_error(ChangeErrorKind::Invalid, "the policy is reusable already");
        }
        json::object reusable = std::exchange(found->body, {});
        reusable.erase("precedence");
        reusable["id"] = id;
        found->is_link = true;
        more.push_back({Kind::Policy, id, std::move(reusable)});
        return {};
      },
      [&] {
        const auto documents = documents_of(call);
        const Document* application = documents->find(Kind::Application, call.arguments[0]);
        json::array shown;
        if (application != nullptr) {
          for (const auto& policy : policies_of(application->body, *documents))
            if (policy.id == id) shown.emplace_back(show_policy(policy, *application, *documents));
        }
        return whole_list(std::move(shown));
      });
}

}  // namespace

void add_applications(std::vector<Operation>& operations) {
  static constexpr Paths kPaths{"access/apps", "access/apps/{app_id}", kFamily, true};
  static constexpr std::string_view kPolicies = "access/apps/{app_id}/policies";
  static constexpr std::string_view kPolicy = "access/apps/{app_id}/policies/{policy_id}";
  static constexpr std::string_view kSettingsPath = "access/apps/{app_id}/settings";
  add_reads(operations, kPaths, std::make_shared<const Collection>(applications()));
  const auto add = [&](std::string_view method, std::string_view pattern, Handler handler,
                       bool in_zones = true) {
    const Access access = method == "GET" ? Access::Read : Access::Write;
    operations.push_back({method, pattern, kFamily, access, std::move(handler), in_zones});
  };
  add("POST", kPaths.all, create_application);
  add("PUT", kPaths.one, replace_application);
  add("DELETE", kPaths.one, remove_application);
  add("POST", "access/apps/{app_id}/revoke_tokens", revoke_tokens);
  add("PUT", kSettingsPath, change_settings);
  add("PATCH", kSettingsPath, change_settings);
  add("GET", kPolicies, list_policies);
  add("POST", kPolicies, create_policy);
  add("GET", kPolicy, read_policy);
  add("PUT", kPolicy, replace_policy);
  add("DELETE", kPolicy, remove_policy);
  add("PUT", "access/apps/{app_id}/policies/{policy_id}/make_reusable", make_reusable, false);
}

}  // namespace gatehouse::adapters::admin_api
