#include "controlplane/policy_test.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "decision/engine.h"
#include "model/identity.h"
#include "platform/random.h"
#include "policy/documents.h"
#include "policy/snapshot_document.h"

namespace gatehouse::controlplane {
namespace {

using decision::Effect;
using decision::Truth;
using model::Action;

constexpr std::size_t kUsersAtOnce = 500;

// Borrows both.
decision::Evidence evidence_of(const model::Session& session, std::string_view canonical_email) {
  decision::Evidence evidence;
  evidence.session = &session;
  evidence.canonical_email = canonical_email;
  evidence.certificate.state = decision::CertificateEvidence::State::Unknown;
  evidence.no_request = true;
  return evidence;
}

bool admits(const decision::Decision& decision) {
  return decision.effect == Effect::Allow || decision.effect == Effect::Bypass ||
         decision.challenge == decision::Challenge::Purpose;
}

// Whether another outcome is possible once what is unknown is known.
bool is_open(const decision::Trace& trace) {
  return std::ranges::any_of(trace, [](const decision::TraceEntry& entry) {
    return entry.kind == decision::TraceEntry::Kind::Policy &&
           entry.action != Action::ServiceAuth && entry.match.truth == Truth::Indeterminate;
  });
}

PolicyVerdict verdict_of(const decision::Decision& decision, const decision::Trace& trace) {
  if (admits(decision)) return PolicyVerdict::Approved;
  return is_open(trace) ? PolicyVerdict::Errored : PolicyVerdict::Blocked;
}

// The document of a policy that belongs to one application.
const json::object* find_in_applications(const policy::Documents& documents, std::string_view id) {
  for (const auto& document : documents.of(policy::Kind::Application)) {
    const auto* policies = json::find_array(document->body, "policies");
    if (policies == nullptr) continue;
    for (const auto& item : *policies)
      if (item.is_object() && json::find_string(item.get_object(), "id") == id)
        return &item.get_object();
  }
  return nullptr;
}

// All of the configuration, but of the applications only one that has these policies.
std::expected<std::shared_ptr<const decision::Snapshot>, std::vector<ChangeProblem>> compile(
    const Context& context, const Configuration& configuration, const json::array& policies) {
  std::vector<ChangeProblem> problems;
  json::array items;
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const json::value& item = policies[i];
    if (!item.is_string()) {
      items.push_back(item);
      continue;
    }
    const std::string_view id = item.get_string();
    if (configuration.documents->find(policy::Kind::Policy, id) != nullptr) {
      items.push_back(item);
    } else if (const auto* found = find_in_applications(*configuration.documents, id)) {
      json::object policy = *found;
      // Two applications may have policies of one name.
      const std::string name(json::find_string(policy, "name").value_or(""));
      policy["name"] = fmt::format("{} ({})", name, id);
      items.emplace_back(std::move(policy));
    } else {
      problems.push_back({0, "/policies/" + std::to_string(i), "there is no policy with this id"});
      continue;
    }
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  // The order is the one of the request.
  for (json::value& item : items)
    if (item.is_object()) item.get_object().erase("precedence");

  const std::string id = random_uuid();
  // On a host that requests can go to, or it would not be valid; nobody is sent there.
  const std::string host = id + ".policy-test.invalid";
  model::Resources base = *configuration.resources;
  base.applications.clear();
  base.ingress = {{host, "", "http_status:404", {}}, {"", "", "http_status:404", {}}};
  const json::object application{{"id", id},
                                 {"name", "policy test " + id},
                                 {"type", "self_hosted"},
                                 {"domain", host},
                                 {"policies", std::move(items)}};
  const policy::DocumentEdit edit{policy::Kind::Application, id, &application};
  auto edited = policy::edit_resources(base, {&edit, 1}, context.dependencies.selectors);
  if (!edited) {
    for (auto& problem : edited.error())
      problems.push_back(
          {0, std::move(problem.problem.pointer), std::move(problem.problem.message)});
    return std::unexpected(std::move(problems));
  }
  policy::PublicationContext publication;
  publication.published_at = context.now();
  publication.issuer = configuration.snapshot->issuer();
  publication.jwks = context.dependencies.vault.jwks();
  auto snapshot = policy::compile_snapshot(policy::make_snapshot_document(*edited, publication),
                                           context.dependencies.selectors);
  if (!snapshot) {
    for (auto& problem : snapshot.error())
      problems.push_back({0, "/policies", std::move(problem.message)});
    return std::unexpected(std::move(problems));
  }
  return std::move(*snapshot);
}

}  // namespace

std::string_view to_string(PolicyVerdict verdict) {
  switch (verdict) {
    case PolicyVerdict::Approved:
      return "approved";
    case PolicyVerdict::Blocked:
      return "blocked";
    case PolicyVerdict::Errored:
      return "error";
  }
  return "error";
}

std::string_view to_string(PolicyTestStatus status) {
  switch (status) {
    case PolicyTestStatus::Processing:
      return "processing";
    case PolicyTestStatus::Complete:
      return "complete";
    case PolicyTestStatus::ExceededTime:
      return "exceeded time";
    case PolicyTestStatus::Blocked:
      return "blocked";
  }
  return "blocked";
}

PolicyVerdict judge(const decision::Snapshot& snapshot,
                    const decision::CompiledApplication& application, const model::Session& session,
                    Instant now) {
  const auto email = model::canonical_email(session.identity.email).value_or("");
  const auto evidence = evidence_of(session, email);
  if (admits(decision::evaluate(snapshot, application, evidence, now)))
    return PolicyVerdict::Approved;
  decision::Trace trace;
  const auto decision = decision::evaluate(snapshot, application, evidence, now, &trace);
  return verdict_of(decision, trace);
}

DirectoryResult<UserPolicyCheck> check_user_policies(
    Context& context, const decision::Snapshot& snapshot,
    const decision::CompiledApplication& application, const storage::User& user) {
  UserPolicyCheck check;
  check.session = GATEHOUSE_TRY(session_to_judge(context, user));
  const auto email = model::canonical_email(check.session.identity.email).value_or("");
  const auto now = context.now();
  check.explanation =
      decision::explain(snapshot, application, evidence_of(check.session, email), now);
  check.verdict = judge(snapshot, application, check.session, now);
  return check;
}

PolicyTests::~PolicyTests() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::expected<std::string, PolicyTests::Error> PolicyTests::start(Context& context,
                                                                  const json::array& policies) {
  const auto configuration = context.configuration();
  if (!configuration) return std::unexpected(Error{Failure::NotReady, {}});
  if (policies.empty() || policies.size() > kMaxTestedPolicies)
    return std::unexpected(Error{
        Failure::Invalid, {{0, "/policies", "must be 1 to 100 policies or ids of policies"}}});
  auto snapshot = compile(context, *configuration, policies);
  if (!snapshot) return std::unexpected(Error{Failure::Invalid, std::move(snapshot.error())});

  const auto now = context.now();
  Job job{random_hex(32), &context, std::move(*snapshot)};
  const std::string id = job.id;
  {
    const std::lock_guard lock(mutex_);
    forget(now);
    if (tests_.size() >= kMaxPolicyTests) return std::unexpected(Error{Failure::TooMany, {}});
    Test& test = tests_[id];
    test.summary.id = id;
    test.started_at = now;
    waiting_.push_back(std::move(job));
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  }
  changed_.notify_all();
  return id;
}

std::optional<PolicyTestSummary> PolicyTests::find(std::string_view id, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = tests_.find(id);
  if (found == tests_.end() || now - found->second.started_at >= kPolicyTestKept)
    return std::nullopt;
  return found->second.summary;
}

std::optional<storage::Page<PolicyTestUser>> PolicyTests::users(
    std::string_view id, std::optional<PolicyVerdict> verdict, std::size_t offset,
    std::size_t limit, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = tests_.find(id);
  if (found == tests_.end() || now - found->second.started_at >= kPolicyTestKept)
    return std::nullopt;
  storage::Page<PolicyTestUser> page;
  for (const Result& result : found->second.results) {
    if (verdict && result.verdict != *verdict) continue;
    if (page.total++ < offset || page.items.size() >= limit) continue;
    page.items.push_back(
        {std::string(result.user_id.data(), result.user_id.size()), result.verdict});
  }
  return page;
}

void PolicyTests::wait_until_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.empty() && !working_; });
}

void PolicyTests::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const Job job = std::move(waiting_.front());
    waiting_.pop_front();
    working_ = true;
    lock.unlock();
    run(job);
    lock.lock();
    working_ = false;
    changed_.notify_all();
  }
}

void PolicyTests::run(const Job& job) {
  Context& context = *job.context;
  const auto& application = job.snapshot->applications().front();
  const auto started_at = context.now();
  storage::UserQuery query;
  query.limit = kUsersAtOnce;
  while (true) {
    const auto page = context.dependencies.store.users(query);
    if (!page) {
      spdlog::error("policy_test_failed message=\"{}\"", page.error().message);
      (void)take(job.id, PolicyTestStatus::Blocked, 0, {});
      return;
    }
    const auto now = context.now();
    std::vector<Result> results;
    for (const auto& user : page->items) {
      const auto session = session_to_judge(context, user);
      Result result{{}, PolicyVerdict::Errored};
      std::ranges::copy_n(
          user.id.begin(),
          static_cast<std::ptrdiff_t>(std::min(user.id.size(), result.user_id.size())),
          result.user_id.begin());
      if (session) result.verdict = judge(*job.snapshot, application, *session, now);
      results.push_back(result);
    }
    query.offset += page->items.size();
    auto status = PolicyTestStatus::Processing;
    if (page->items.size() < kUsersAtOnce)
      status = PolicyTestStatus::Complete;
    else if (now - started_at > kMaxPolicyTestTime)
      status = PolicyTestStatus::ExceededTime;
    if (!take(job.id, status, page->total, results)) return;
    if (status != PolicyTestStatus::Processing) return;
  }
}

bool PolicyTests::take(const std::string& id, PolicyTestStatus status, std::size_t total,
                       const std::vector<Result>& results) {
  const std::lock_guard lock(mutex_);
  const auto found = tests_.find(id);
  if (stopping_ || found == tests_.end()) return false;
  Test& test = found->second;
  for (const Result& result : results)
    ++test.summary.users[static_cast<std::size_t>(result.verdict)];
  test.results.insert(test.results.end(), results.begin(), results.end());
  test.summary.status = status;
  // People may come and go meanwhile.
  test.summary.total = status == PolicyTestStatus::Complete ? test.results.size()
                                                            : std::max(total, test.results.size());
  return true;
}

// What is old; and of what is through the oldest, when there is no room.
void PolicyTests::forget(Instant now) {
  std::erase_if(tests_, [&](const auto& entry) {
    return now - entry.second.started_at >= kPolicyTestKept &&
           entry.second.summary.status != PolicyTestStatus::Processing;
  });
  if (tests_.size() < kMaxPolicyTests) return;
  auto oldest = tests_.end();
  for (auto it = tests_.begin(); it != tests_.end(); ++it) {
    if (it->second.summary.status == PolicyTestStatus::Processing) continue;
    if (oldest == tests_.end() || it->second.started_at < oldest->second.started_at) oldest = it;
  }
  if (oldest != tests_.end()) tests_.erase(oldest);
}

}  // namespace gatehouse::controlplane
