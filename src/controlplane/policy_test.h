// What policies would say of people who are not asking: tests of policies over all known users, and
// the check of one user for one application. There is no request, so address, country and client
// certificate are unknown, and so is a device that no live session knows.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "controlplane/context.h"
#include "controlplane/directory.h"
#include "decision/explanation.h"

namespace gatehouse::controlplane {

enum class PolicyVerdict : std::uint8_t {
  Approved,
  Blocked,
  Errored,  // it depends on what is unknown
};
[[nodiscard]] std::string_view to_string(PolicyVerdict verdict);  // approved, blocked, error
[[nodiscard]] PolicyVerdict judge(const decision::Snapshot& snapshot,
                                  const decision::CompiledApplication& application,
                                  const model::Session& session, Instant now);

// Thread-safe; blocks on the store.
struct UserPolicyCheck {
  PolicyVerdict verdict = PolicyVerdict::Errored;
  decision::Explanation explanation;
  model::Session session;  // as whom the user was judged
};
[[nodiscard]] DirectoryResult<UserPolicyCheck> check_user_policies(
    Context& context, const decision::Snapshot& snapshot,
    const decision::CompiledApplication& application, const storage::User& user);

enum class PolicyTestStatus : std::uint8_t { Processing, Complete, ExceededTime, Blocked };
// processing, complete, exceeded time, blocked (the store could not be read)
[[nodiscard]] std::string_view to_string(PolicyTestStatus status);

struct PolicyTestSummary {
  std::string id;  // 64 hex
  PolicyTestStatus status = PolicyTestStatus::Processing;
  std::size_t total = 0;               // users
  std::array<std::size_t, 3> users{};  // by PolicyVerdict
  [[nodiscard]] std::size_t processed() const { return users[0] + users[1] + users[2]; }
};
struct PolicyTestUser {
  std::string id;
  PolicyVerdict verdict = PolicyVerdict::Errored;
};

inline constexpr std::size_t kMaxPolicyTests = 16;
inline constexpr std::size_t kMaxTestedPolicies = 100;
inline constexpr std::chrono::hours kPolicyTestKept{1};
inline constexpr std::chrono::minutes kMaxPolicyTestTime{5};

// Runs the tests one after another on a background thread; their results stay in memory.
// Thread-safe.
class PolicyTests {
 public:
  PolicyTests() = default;
  ~PolicyTests();  // joins; what still runs is given up
  PolicyTests(const PolicyTests&) = delete;
  PolicyTests& operator=(const PolicyTests&) = delete;

  enum class Failure : std::uint8_t { Invalid, NotReady, TooMany };
  struct Error {
    Failure failure = Failure::Invalid;
    std::vector<ChangeProblem> problems;  // pointers into {"policies": [...]}
  };
  // `policies`: ids of policies, or policies as the API has them, against what is in force now.
  // Borrows the context until this is destroyed. TooMany: so many are not through yet.
  [[nodiscard]] std::expected<std::string, Error> start(Context& context,
                                                        const json::array& policies);
  // nullopt: there is no such test (any more).
  [[nodiscard]] std::optional<PolicyTestSummary> find(std::string_view id, Instant now);
  // One page of those with this verdict, or of all.
  [[nodiscard]] std::optional<storage::Page<PolicyTestUser>> users(
      std::string_view id, std::optional<PolicyVerdict> verdict, std::size_t offset,
      std::size_t limit, Instant now);
  // Returns when all that were started are through. For tests.
  void wait_until_idle();

 private:
  struct Result {
    std::array<char, 36> user_id;
    PolicyVerdict verdict;
  };
  struct Test {
    PolicyTestSummary summary;
    Instant started_at{};
    std::vector<Result> results;
  };
  struct Job {
    std::string id;
    Context* context = nullptr;
    std::shared_ptr<const decision::Snapshot> snapshot;
  };
  void work();
  void run(const Job& job);
  // False: stop.
  [[nodiscard]] bool take(const std::string& id, PolicyTestStatus status, std::size_t total,
                          const std::vector<Result>& results);
  void forget(Instant now);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Test, std::less<>> tests_;
  std::deque<Job> waiting_;
  bool working_ = false;
  bool stopping_ = false;
  std::thread thread_;  // from the first test on
};

}  // namespace gatehouse::controlplane
