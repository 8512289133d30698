#include "controlplane/session_keeper.h"

#include <spdlog/spdlog.h>

namespace gatehouse::controlplane {

storage::Result<void> SessionKeeper::create(const model::Session& session) {
  const std::lock_guard lock(mutex_);
  if (auto stored = store_.put_session(session); !stored) return stored;
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
  if (auto stored = store_.put_session(**session); !stored) return std::unexpected(stored.error());
  note(node_state_.put_session(**session));
  return session;
}

storage::Result<void> SessionKeeper::end(std::string_view nonce) {
  const std::lock_guard lock(mutex_);
  if (auto removed = store_.remove_session(nonce); !removed) return removed;
  note(node_state_.remove_session(nonce));
  return {};
}

storage::Result<void> SessionKeeper::republish(Instant now) {
  const std::lock_guard lock(mutex_);
  const auto sessions = store_.live_sessions(now);
  if (!sessions) return std::unexpected(sessions.error());
  behind_ = false;
  note(node_state_.replace_sessions(*sessions));
  return {};
}

void SessionKeeper::note(const std::expected<void, node_state::Error>& outcome) {
  if (outcome) return;
  behind_ = true;
  spdlog::error("node_state_write_failed message=\"{}\"", outcome.error().message);
}

}  // namespace gatehouse::controlplane
