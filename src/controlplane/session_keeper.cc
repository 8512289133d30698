#include "controlplane/session_keeper.h"

#include <spdlog/spdlog.h>

namespace gatehouse::controlplane {

storage::Result<void> SessionKeeper::create(const model::Session& session) {
  const std::lock_guard lock(mutex_);
  if (auto stored = store_.put_session(session); !stored) return stored;
  note_own_write(session.nonce);
  note(node_state_.put_session(session));
  return {};
}

storage::Result<std::optional<model::Session>> SessionKeeper::load(std::string_view nonce,
                                                                   Instant now) {
  return store_.load_session(nonce, now);
}

storage::Result<std::optional<model::Session>> SessionKeeper::change(
    std::string_view nonce, Instant now, const std::function<void(model::Session&)>& change) {
  const std::lock_guard lock(mutex_);
  auto session = store_.load_session(nonce, now);
  if (!session || !*session) return session;
  change(**session);
  // Under the lock: evidence that was verified while its device was being revoked stops here.
  if (auto checked = leave_out_revoked_devices(**session, now); !checked)
    return std::unexpected(checked.error());
  if (auto stored = store_.put_session(**session); !stored) return std::unexpected(stored.error());
  note_own_write(nonce);
  note(node_state_.put_session(**session));
  return session;
}

storage::Result<void> SessionKeeper::end(std::string_view nonce) {
  const std::lock_guard lock(mutex_);
  if (auto removed = store_.remove_session(nonce); !removed) return removed;
  note_own_write(nonce);
  note(node_state_.remove_session(nonce));
  return {};
}

storage::Result<void> SessionKeeper::revoke(const storage::Revocation& revocation, Instant now) {
  const std::lock_guard lock(mutex_);
  if (auto stored = store_.put_revocation(revocation); !stored) return stored;
  publish_revocations(now);
  return {};
}

storage::Result<bool> SessionKeeper::restore(storage::RevocationKind kind, std::string_view key,
                                             Instant now) {
  const std::lock_guard lock(mutex_);
  const auto removed = store_.remove_revocation(kind, key);
  if (removed && *removed) publish_revocations(now);
  return removed;
}

// Bounded: nobody may be reading the feed. What is forgotten is only read once more.
void SessionKeeper::note_own_write(std::string_view nonce) {
  constexpr std::size_t kMostRemembered = 100'000;
  if (own_writes_.size() >= kMostRemembered) own_writes_.clear();
  ++own_writes_[std::string(nonce)];
}

bool SessionKeeper::follow(std::string_view nonce, Instant now) {
  const std::lock_guard lock(mutex_);
  if (const auto own = own_writes_.find(std::string(nonce)); own != own_writes_.end()) {
    if (--own->second == 0) own_writes_.erase(own);
    return true;
  }
  const auto session = store_.load_session(nonce, now);
  if (!session) {
    spdlog::error("follow_failed message=\"{}\"", session.error().message);
    return false;
  }
  note(*session ? node_state_.put_session(**session) : node_state_.remove_session(nonce));
  return true;
}

void SessionKeeper::follow_revocations(Instant now) {
  const std::lock_guard lock(mutex_);
  publish_revocations(now);
}

storage::Result<void> SessionKeeper::republish(Instant now) {
  const std::lock_guard lock(mutex_);
  const auto revocations = load_revocations(now);
  if (!revocations) return std::unexpected(revocations.error());
  const auto sessions = store_.live_sessions(now);
  if (!sessions) return std::unexpected(sessions.error());
  behind_ = false;
  // All of them are here now; a count that is left over could hide what another node does next.
  own_writes_.clear();
  // INVARIANT: revocations first. Without them no session goes into a node state that is new.
  note(node_state_.put_revocations(*revocations));
  if (!behind_) note(node_state_.replace_sessions(*sessions));
  return {};
}

storage::Result<void> SessionKeeper::leave_out_revoked_devices(model::Session& session,
                                                               Instant now) {
  std::vector<model::PostureEvidence> kept;
  for (auto& evidence : session.posture) {
    const auto revoked =
        store_.find_revocation(storage::RevocationKind::Device, evidence.device_id, now);
    if (!revoked) return std::unexpected(revoked.error());
    if (!*revoked) kept.push_back(std::move(evidence));
  }
  session.posture = std::move(kept);
  return {};
}

storage::Result<model::Revocations> SessionKeeper::load_revocations(Instant now) {
  auto stored = store_.revocations(now);
  if (!stored) return std::unexpected(stored.error());
  model::Revocations revocations;
  for (auto& revocation : *stored) {
    switch (revocation.kind) {
      case storage::RevocationKind::Application:
        revocations.applications.push_back({std::move(revocation.key), revocation.issued_before});
        break;
      case storage::RevocationKind::Token:
        revocations.tokens.push_back(std::move(revocation.key));
        break;
      case storage::RevocationKind::Device:
        break;  // no worker sees devices: their evidence does not get into a session
    }
  }
  return revocations;
}

void SessionKeeper::publish_revocations(Instant now) {
  const auto revocations = load_revocations(now);
  if (!revocations) {
    behind_ = true;
    spdlog::error("revocations_not_published message=\"{}\"", revocations.error().message);
    return;
  }
  note(node_state_.put_revocations(*revocations));
}

void SessionKeeper::note(const std::expected<void, node_state::Error>& outcome) {
  if (outcome) return;
  behind_ = true;
  spdlog::error("node_state_write_failed message=\"{}\"", outcome.error().message);
}

}  // namespace gatehouse::controlplane
