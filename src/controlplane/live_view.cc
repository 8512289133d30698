#include "controlplane/live_view.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace gatehouse::controlplane {
namespace {

constexpr int kRest = 10;
constexpr std::chrono::milliseconds kCheap{50};

void add_evidence(KnownDevice& device, const model::PostureEvidence& evidence,
                  const model::Session& session) {
  const bool is_newest =
      device.evidence.empty() || evidence.established_at > device.evidence.front().established_at;
  if (is_newest) {
    device.user_id = session.identity.user_id;
    device.email = session.identity.email;
    if (!evidence.hostname.empty()) device.hostname = evidence.hostname;
  }
  const auto same = std::ranges::find(device.evidence, evidence.integration_id,
                                      &model::PostureEvidence::integration_id);
  if (same == device.evidence.end())
    device.evidence.push_back(evidence);
  else if (evidence.established_at > same->established_at)
    *same = evidence;
  std::ranges::sort(device.evidence, std::ranges::greater{},
                    &model::PostureEvidence::established_at);
}

}  // namespace

storage::Result<LivePicture> look_at_sessions(storage::Store& store, Instant now) {
  LivePicture picture;
  std::unordered_set<std::string> people;
  const auto visit = [&](const model::Session& session) {
    ++picture.sessions;
    people.insert(session.identity.user_id);
    std::vector<std::string_view> counted;
    for (const auto& evidence : session.posture) {
      const auto age = now - evidence.established_at;
      const auto step = std::ranges::find_if(kEvidenceAges, [&](auto most) { return age <= most; });
      ++picture.evidence_ages[static_cast<std::size_t>(step - kEvidenceAges.begin())];
      KnownDevice& device = picture.devices[evidence.device_id];
      add_evidence(device, evidence, session);
      if (std::ranges::find(counted, evidence.device_id) != counted.end()) continue;
      counted.push_back(evidence.device_id);
      ++device.sessions;
      device.expires_at = std::max(device.expires_at, session.expires_at);
    }
  };
  if (const auto visited = store.visit_live_sessions(now, visit); !visited)
    return std::unexpected(visited.error());
  picture.people = people.size();
  return picture;
}

storage::Result<std::shared_ptr<const LivePicture>> LiveView::get(storage::Store& store,
                                                                  Instant now) {
  const std::lock_guard lock(mutex_);
  const auto begin = std::chrono::steady_clock::now();
  if (picture_ && begin < good_until_) return picture_;
  auto picture = look_at_sessions(store, now);
  if (!picture) return std::unexpected(picture.error());
  picture_ = std::make_shared<const LivePicture>(std::move(*picture));
  const auto end = std::chrono::steady_clock::now();
  if (end - begin > kCheap) good_until_ = end + kRest * (end - begin);
  return picture_;
}

}  // namespace gatehouse::controlplane
