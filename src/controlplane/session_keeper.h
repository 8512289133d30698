// Sessions and revocations in the store and in the node state, always in this order: what the store
// does not have, no worker may see. Thread-safe: one change at a time, so that evidence that
// arrives while a session is being ended does not bring it back, and a republication loses nothing.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"
#include "model/identity.h"
#include "node_state/node_state.h"
#include "storage/store.h"

namespace gatehouse::controlplane {

class SessionKeeper {
 public:
  // Borrows both.
  SessionKeeper(storage::Store& store, node_state::Writer& node_state)
      : store_(store), node_state_(node_state) {}

  [[nodiscard]] storage::Result<void> create(const model::Session& session);
  // nullopt: absent, expired or ended.
  [[nodiscard]] storage::Result<std::optional<model::Session>> load(std::string_view nonce,
                                                                    Instant now);
  // Reads the session, lets `change` alter it and stores it; answers it as it is now. nullopt: it
  // has ended meanwhile. Evidence of a device that has been revoked is left out.
  [[nodiscard]] storage::Result<std::optional<model::Session>> change(
      std::string_view nonce, Instant now, const std::function<void(model::Session&)>& change);
  [[nodiscard]] storage::Result<void> end(std::string_view nonce);

  [[nodiscard]] storage::Result<void> revoke(const storage::Revocation& revocation, Instant now);
  // Takes one back. False: there was none.
  [[nodiscard]] storage::Result<bool> restore(storage::RevocationKind kind, std::string_view key,
                                              Instant now);

  // Takes over what another node did to the session, or to the revocations; what this one did
  // itself is there already. False: the store cannot be read.
  [[nodiscard]] bool follow(std::string_view nonce, Instant now);
  void follow_revocations(Instant now);

  // Writes all revocations and live sessions to the node state anew.
  [[nodiscard]] storage::Result<void> republish(Instant now);
  // Whether a write to the node state failed since the last successful republish().
  [[nodiscard]] bool is_behind() const { return behind_; }

 private:
  storage::Result<void> leave_out_revoked_devices(model::Session& session, Instant now);
  [[nodiscard]] storage::Result<model::Revocations> load_revocations(Instant now);
  void publish_revocations(Instant now);
  void note(const std::expected<void, node_state::Error>& outcome);
  void note_own_write(std::string_view nonce);

  storage::Store& store_;
  node_state::Writer& node_state_;
  std::mutex mutex_;
  // How often this node wrote each session since it was last seen in the feed.
  std::unordered_map<std::string, unsigned> own_writes_;
  std::atomic<bool> behind_{false};
};

}  // namespace gatehouse::controlplane
