// What is configured: checked, stored, published to the node state, and followed when another node
// changes it. docs/reference/node-state.md
#pragma once

#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/assertions.h"
#include "controlplane/candidate.h"
#include "controlplane/context.h"
#include "controlplane/gateway.h"

namespace gatehouse::controlplane {

inline constexpr std::chrono::seconds kPurgeInterval{3600};

// Thread-safe: one call at a time.
class Publication {
 public:
  explicit Publication(Context& context) : context_(context) {}
  [[nodiscard]] std::expected<ApplyOutcome, ChangeError> change(const Actor& actor,
                                                                const MakeEdits& make);
  [[nodiscard]] std::expected<ApplyOutcome, std::vector<policy::Problem>> apply(
      const model::Resources& resources, const Actor& actor, ApplyOptions options);
  [[nodiscard]] std::expected<std::vector<PlannedChange>, std::vector<policy::Problem>> plan(
      const model::Resources& resources, ApplyOptions options);
  [[nodiscard]] std::vector<policy::Problem> check(const model::Resources& resources);
  [[nodiscard]] std::expected<bool, std::string> restore();
  // The signing keys are others: every snapshot and assertion is made anew.
  void republish();
  [[nodiscard]] bool follow();
  void tick();

 private:
  using Problems = std::vector<policy::Problem>;
  // The edits, their effect, and who wants them.
  struct Work {
    std::span<const Edit> edits;
    std::shared_ptr<const model::Resources> resources;  // afterwards
    std::string_view origin;
    std::optional<std::string> applied_file;
    const Actor& actor;
    bool reroute = false;  // ApplyOptions
  };
  // nullopt: another node was faster; what is in force has been read anew.
  [[nodiscard]] std::expected<std::optional<ApplyOutcome>, ChangeError> commit(const Work& work);
  [[nodiscard]] std::expected<void, std::string> load();
  [[nodiscard]] std::string digest_of(const model::Resources& file) const;
  void put_in_force(Candidate candidate);
  void publish_candidate(const Candidate& candidate);
  void publish_everything();
  // One document in the place of the changes. Without the lock: when something is changed
  // meanwhile, it is for the next time.
  void compact_meanwhile();
  void compact_now();  // under it
  [[nodiscard]] bool compact(const Configuration& configuration);
  void keep_up();
  void publish_assertions(AssertionIssuer::Extent extent);
  void note_failure(std::string_view event, const node_state::Error& error);

  Context& context_;
  std::mutex mutex_;
  AssertionIssuer assertions_;
  std::uint64_t sequence_ = 0;  // of the store's resources that are in force
  std::string applied_file_;
  std::optional<std::uint64_t> feed_position_;
  bool is_long_ = false;  // the node state's chain of changes: time for a whole snapshot
  bool behind_ = false;   // the node state lacks something of what is in force
  Instant purged_at_{};
};

}  // namespace gatehouse::controlplane
