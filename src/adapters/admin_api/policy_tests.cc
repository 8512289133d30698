// access/policy-tests and access/apps/{app_id}/user_policy_checks. Source:
// facts/cloudflare-access-api.md 4.3.
#include "controlplane/policy_test.h"

#include <memory>
#include <utility>

#include "adapters/admin_api/call.h"
#include "adapters/admin_api/people.h"
#include "adapters/admin_api/query.h"
#include "base/time.h"
#include "base/try.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::PolicyTests;
using controlplane::PolicyVerdict;
using net::HttpResponse;
using Tests = std::shared_ptr<PolicyTests>;

constexpr std::string_view kFamily = "access/policy-tests";
constexpr std::string_view kRetryAfterSeconds = "10";

HttpResponse start_failed(const PolicyTests::Error& error) {
  switch (error.failure) {
    case PolicyTests::Failure::Invalid: {
      controlplane::ChangeError problems;
      problems.problems = error.problems;
      return change_failed(problems);
    }
    case PolicyTests::Failure::NotReady:
      return invalid("", "nothing has been configured yet");
    case PolicyTests::Failure::TooMany: {
      auto response = failure(
          429, {{kRateLimited, "too many policy tests are running; wait for one to end", ""}});
      response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
      return response;
    }
  }
  return unavailable();
}

HttpResponse start(PolicyTests& tests, const Call& call) {
  const auto body = call.body();
  if (!body) return body.error();
  if (const auto unknown = unknown_member(*body, {"policies"})) return *unknown;
  const auto* policies = json::find_array(*body, "policies");
  if (policies == nullptr)
    return invalid("/policies", "must be a list of policies or of ids of policies");
  const auto id = tests.start(call.context(), *policies);
  if (!id) return start_failed(id.error());
  return success(json::object{{"id", *id}, {"status", "success"}});
}

HttpResponse show(PolicyTests& tests, const Call& call) {
  const auto test = tests.find(call.arguments.front(), call.context().now());
  if (!test) return not_found();
  const auto percent = [&](std::size_t users) {
    return test->total == 0 ? std::size_t{100} : users * 100 / test->total;
  };
  const auto count = [&](PolicyVerdict verdict) {
    return test->users[static_cast<std::size_t>(verdict)];
  };
  const auto share = [&](PolicyVerdict verdict) {
    return test->total == 0 ? 0 : percent(count(verdict));
  };
  return success(json::object{{"id", test->id},
                              {"status", controlplane::to_string(test->status)},
                              {"total_users", test->total},
                              {"percent_users_processed", percent(test->processed())},
                              {"percent_approved", share(PolicyVerdict::Approved)},
                              {"percent_blocked", share(PolicyVerdict::Blocked)},
                              {"percent_errored", share(PolicyVerdict::Errored)},
                              {"users_approved", count(PolicyVerdict::Approved)},
                              {"users_blocked", count(PolicyVerdict::Blocked)},
                              {"users_errored", count(PolicyVerdict::Errored)}});
}

HttpResponse users(PolicyTests& tests, const Call& call) {
  const auto paging = paging_of(call, 25);
  if (!paging) return paging.error();
  const auto status = word_of(call, "status", {"success", "fail", "error"});
  if (!status) return status.error();
  std::optional<PolicyVerdict> verdict;
  if (*status)
    verdict = **status == "success" ? PolicyVerdict::Approved
              : **status == "fail"  ? PolicyVerdict::Blocked
                                    : PolicyVerdict::Errored;
  auto& context = call.context();
  const auto found = tests.users(call.arguments.front(), verdict, paging->offset(),
                                 paging->per_page, context.now());
  if (!found) return not_found();
  json::array page;
  for (const auto& one : found->items) {
    json::object row{{"id", one.id}, {"status", controlplane::to_string(one.verdict)}};
    const auto user = controlplane::find_user(context, one.id);
    if (user) {
      row["name"] = user->name;
      row["email"] = user->email;
    } else if (user.error() != controlplane::DirectoryError::NoSuchUser) {
      return directory_failed(user.error());
    }
    page.emplace_back(std::move(row));
  }
  return list(std::move(page), paging->page, paging->per_page, found->total);
}

// Who is meant: the query's, else whoever made the token that asks.
std::expected<storage::User, HttpResponse> user_of(const Call& call) {
  auto& context = call.context();
  if (const auto id = call.query("user_id"); id && !id->empty()) {
    auto user = controlplane::find_user(context, *id);
    if (user) return std::move(*user);
    if (user.error() != controlplane::DirectoryError::NoSuchUser)
      return std::unexpected(directory_failed(user.error()));
    return std::unexpected(invalid_query("user_id", "must be the id of a user"));
  }
  const auto given = call.query("email");
  const auto address = model::canonical_email(given ? *given : call.token.created_by);
  if (address) {
    auto user = context.dependencies.store.find_user(*address);
    if (!user) return std::unexpected(unavailable());
    if (*user) return std::move(**user);
  }
  return std::unexpected(
      given ? invalid_query("email", "must be the address of a user")
            : invalid_query("email",
                            "or `user_id` must say whom to check, since the token is nobody's"));
}

std::string_view word_for(PolicyVerdict verdict) {
  switch (verdict) {
    case PolicyVerdict::Approved:
      return "Success";
    case PolicyVerdict::Blocked:
      return "Fail";
    case PolicyVerdict::Errored:
      return "Error";
  }
  return "Error";
}

json::array policies_of(const decision::Explanation& explanation) {
  json::array policies;
  const auto document = decision::to_json(explanation);
  if (const auto* traced = json::find_array(document, "policies")) policies = *traced;
  for (auto& policy : policies) {
    auto& object = policy.as_object();
    // Both are read before either is written: an insertion moves what the views lead to.
    const std::string action(json::find_string(object, "action").value_or(""));
    const std::string outcome(json::find_string(object, "outcome").value_or(""));
    object["decision"] = action;
    object["status"] = outcome.empty()      ? "Skipped"
                       : outcome == "true"  ? "Success"
                       : outcome == "false" ? "Fail"
                                            : "Error";
  }
  return policies;
}

HttpResponse check(const Call& call) {
  auto& context = call.context();
  const auto configuration = context.configuration();
  const auto* application =
      configuration ? configuration->snapshot->application_by_id(call.arguments.front()) : nullptr;
  if (application == nullptr)
    return failure(404, {{kUnknownApplication, "access.api.error.unknown_application", ""}});
  const auto user = user_of(call);
  if (!user) return user.error();
  const auto checked =
      controlplane::check_user_policies(context, *configuration->snapshot, *application, *user);
  if (!checked) return directory_failed(checked.error());
  return success(json::object{
      {"app_state", json::object{{"app_uid", application->id},
                                 {"aud", application->audience},
                                 {"hostname", application->hostname},
                                 {"name", application->name},
                                 {"policies", policies_of(checked->explanation)},
                                 {"reason", decision::info(checked->explanation.reason).code},
                                 {"status", word_for(checked->verdict)}}},
      {"user_identity", identity_of_session(call, *user, checked->session)}});
}

Handler with(const Tests& tests, HttpResponse (*handle)(PolicyTests&, const Call&)) {
  return [tests, handle](const Call& call) { return handle(*tests, call); };
}

}  // namespace

void add_policy_tests(std::vector<Operation>& operations) {
  const auto tests = std::make_shared<PolicyTests>();
  operations.push_back({"POST", "access/policy-tests", kFamily, Access::Write, with(tests, start)});
  operations.push_back(
      {"GET", "access/policy-tests/{policy_test_id}", kFamily, Access::Read, with(tests, show)});
  operations.push_back({"GET", "access/policy-tests/{policy_test_id}/users", kFamily, Access::Read,
                        with(tests, users)});
  operations.push_back(
      {"GET", "access/apps/{app_id}/user_policy_checks", "access/apps", Access::Read, check, true});
}

}  // namespace gatehouse::adapters::admin_api
