// What live sessions tell together: their devices and numbers. Thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/identity.h"
#include "storage/store.h"

namespace gatehouse::controlplane {

struct KnownDevice {
  std::string hostname;  // empty: not known
  // Whose evidence is the newest.
  std::string user_id;
  std::string email;
  std::size_t sessions = 0;                      // with evidence of it
  Instant expires_at{};                          // of the last of them
  std::vector<model::PostureEvidence> evidence;  // the newest of each integration, newest first
};
// How old evidence is: up to so much; what is older stands last.
inline constexpr std::array<std::chrono::seconds, 3> kEvidenceAges{
    std::chrono::hours{1}, std::chrono::hours{24}, std::chrono::hours{168}};
struct LivePicture {
  std::size_t sessions = 0;
  std::size_t people = 0;
  std::array<std::size_t, kEvidenceAges.size() + 1> evidence_ages{};
  std::map<std::string, KnownDevice> devices;  // by id
};
[[nodiscard]] storage::Result<LivePicture> look_at_sessions(storage::Store& store, Instant now);

// Looks at all sessions, at most a tenth of the time: where a look took longer than a moment, what
// it saw is answered again for ten times as long.
class LiveView {
 public:
  [[nodiscard]] storage::Result<std::shared_ptr<const LivePicture>> get(storage::Store& store,
                                                                        Instant now);

 private:
  std::mutex mutex_;  // held while looking: who comes meanwhile waits for that picture
  std::shared_ptr<const LivePicture> picture_;
  std::chrono::steady_clock::time_point good_until_{};
};

}  // namespace gatehouse::controlplane
