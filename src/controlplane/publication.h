// What is configured: checked, stored, and published to the node state.
// docs/reference/node-state.md
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controlplane/assertions.h"
#include "controlplane/context.h"
#include "controlplane/gateway.h"

namespace gatehouse::controlplane {

inline constexpr std::chrono::seconds kPurgeInterval{3600};

// Thread-safe: one call at a time.
class Publication {
 public:
  explicit Publication(Context& context) : context_(context) {}
  [[nodiscard]] std::expected<ApplyOutcome, std::vector<policy::Problem>> apply(
      const model::Resources& resources, const std::string& actor);
  [[nodiscard]] std::vector<policy::Problem> check(const model::Resources& resources) const;
  [[nodiscard]] std::expected<bool, std::string> restore();
  void tick();

 private:
  using Problems = std::vector<policy::Problem>;
  struct Candidate {
    std::shared_ptr<const Configuration> configuration;
    json::object snapshot_document;
  };
  [[nodiscard]] std::expected<Candidate, Problems> prepare(const model::Resources& resources,
                                                           std::uint64_t sequence) const;
  void publish_snapshot();
  void publish_everything();

  Context& context_;
  std::mutex mutex_;
  json::object snapshot_document_;  // in force; empty: nothing yet
  AssertionIssuer assertions_;
  bool behind_ = false;  // the node state lacks something of it
  Instant purged_at_{};
};

}  // namespace gatehouse::controlplane
