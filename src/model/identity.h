// Who is asking and from what: the live records a decision reads. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace gatehouse::model {

struct Identity {
  std::string user_id;  // uuid; `sub` of our tokens
  std::string email;    // as the provider gave it; selectors compare the folded form
  std::string name;
  std::string login_method;  // id of the identity provider
  std::string subject;       // the provider's `sub`
  std::vector<std::string> groups;
  std::vector<std::string> amr;
  Instant authenticated_at{};
};

// One verified statement of a posture provider. Absent signals are nullopt, never a default.
struct PostureEvidence {
  std::string integration_id;
  std::string device_id;
  Instant established_at{};  // when the device signed it
  std::optional<bool> managed;
  std::optional<Instant> last_checkin;
  std::optional<bool> patch_compliant;
  std::optional<double> vulnerability_score;
  std::string hostname;
  std::string serial_number;
};

// Tokens of this application issued before the instant are dead (application log-out).
struct ApplicationRevocation {
  std::string audience;
  Instant issued_before{};
};

// A signed-in browser. `nonce` is the claim identity_nonce of every token issued from it.
struct Session {
  std::string nonce;
  Identity identity;
  Instant created_at{};
  Instant expires_at{};
  std::vector<PostureEvidence> posture;  // at most one per integration
  std::vector<ApplicationRevocation> revocations;
};

[[nodiscard]] json::object to_json(const Session& session);
// nullopt when a field is absent or of the wrong type.
[[nodiscard]] std::optional<Session> session_from_json(const json::value& document);

// The address in the form selectors compare, or nullopt when it must match no rule: one `@`, no
// quoting, no control or space characters, a plain LDH domain, at most kMaxEmailBytes, valid UTF-8.
// ASCII letters are folded, nothing else is changed.
[[nodiscard]] std::optional<std::string> canonical_email(std::string_view address);

// Letters, digits and hyphens in dot-separated labels of 1 to 63 bytes (RFC 1123 2.1), at most 253
// bytes, no final dot.
[[nodiscard]] bool is_ldh_domain(std::string_view domain);

}  // namespace gatehouse::model
