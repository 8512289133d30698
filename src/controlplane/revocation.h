// The administrator ends what has been handed out: one session, the sessions of one user or one
// device, the tokens of one application, one token. Thread-safe; blocks on the store. Each use case
// leaves an audit record with `actor`, and every worker obeys it from the next request on.
// docs/guides/revocation.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/context.h"
#include "model/identity.h"

namespace gatehouse::controlplane {

enum class RevocationError : std::uint8_t {
  NotReady,  // nothing has been configured yet
  StoreUnavailable,
  NoSuchSession,
  NoSuchUser,
  NoSuchApplication,
  SeveralApplications,  // that have this name or domain
  BadDeviceId,
  DeviceNotRevoked,
  BadToken,          // neither a live application token of ours nor the `jti` of one
  GlobalToken,       // a session's: revoke that
  ServiceAssertion,  // a service token's: disable that
  TokenWithoutId,    // of a version that gave them none
};
// For the administrator: lower case, no full stop.
[[nodiscard]] std::string_view to_string(RevocationError error);

struct RevocationOutcome {
  std::string name;          // of what was revoked, for people: address, application, device, `jti`
  std::size_t sessions = 0;  // that were ended
  // False: the node state could not be written; the next heartbeat writes it.
  bool enforced = true;
};
using RevocationResult = std::expected<RevocationOutcome, RevocationError>;

[[nodiscard]] RevocationResult revoke_session(Context& context, std::string_view nonce,
                                              const Actor& actor);
// By e-mail address or user id: all their sessions. They can sign in again.
[[nodiscard]] RevocationResult revoke_user(Context& context, std::string_view user,
                                           const Actor& actor);
// Ends the sessions that hold evidence of the device; later evidence of it is refused with
// Reason::DeviceRevoked until restore_device().
[[nodiscard]] RevocationResult revoke_device(Context& context, std::string_view device_id,
                                             const Actor& actor);
[[nodiscard]] RevocationResult restore_device(Context& context, std::string_view device_id,
                                              const Actor& actor);
// By id, aud, name or domain: all its tokens issued until now. Sessions stay, so that people get a
// new token without a question.
[[nodiscard]] RevocationResult revoke_application(Context& context, std::string_view application,
                                                  const Actor& actor);
// An application token in any spelling, or its `jti`.
[[nodiscard]] RevocationResult revoke_token(Context& context, std::string_view token,
                                            const Actor& actor);

// The same for one of whom only the name is known.
[[nodiscard]] RevocationResult revoke_session(Context& context, std::string_view nonce,
                                              std::string_view actor);
[[nodiscard]] RevocationResult revoke_user(Context& context, std::string_view user,
                                           std::string_view actor);
[[nodiscard]] RevocationResult revoke_device(Context& context, std::string_view device_id,
                                             std::string_view actor);
[[nodiscard]] RevocationResult restore_device(Context& context, std::string_view device_id,
                                              std::string_view actor);
[[nodiscard]] RevocationResult revoke_application(Context& context, std::string_view application,
                                                  std::string_view actor);
[[nodiscard]] RevocationResult revoke_token(Context& context, std::string_view token,
                                            std::string_view actor);

// The live sessions, of one user (as in revoke_user) or of all (empty), newest first.
[[nodiscard]] std::expected<std::vector<model::Session>, RevocationError> sessions_of(
    Context& context, std::string_view user);
[[nodiscard]] std::expected<std::vector<std::string>, RevocationError> revoked_devices(
    Context& context);

}  // namespace gatehouse::controlplane
