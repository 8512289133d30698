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

// Names of attributes, each with its values as text: numbers and booleans as JSON writes them.
using Attributes = std::map<std::string, std::vector<std::string>, std::less<>>;

struct GithubOrganization {
  std::string name;
  std::vector<std::string> teams;  // slugs
};

// What a provider did not say stays unknown: `groups_known` and the like tell an empty list from an
// absent one, and an attribute that is not in the map is unknown.
struct Identity {
  std::string user_id;  // uuid; `sub` of our tokens
  std::string email;    // as the provider gave it; selectors compare the folded form
  std::string name;
  std::string login_method;                // id of the identity provider
  std::string subject;                     // the provider's `sub`
  std::vector<std::string> groups;         // ids, names or addresses, as the provider has them
  bool groups_known = false;               // `groups` is all of them
  std::vector<std::string> amr;            // RFC 8176; empty: unknown
  std::vector<std::string> auth_contexts;  // `acrs`: authentication contexts satisfied at sign-in
  Attributes claims;                       // of OpenID Connect, those the provider's `claims` names
  Attributes saml_attributes;
  std::vector<GithubOrganization> organizations;
  bool organizations_known = false;
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

// What an external evaluator said about this identity.
struct EvaluationEvidence {
  std::string key;  // decision::evaluation_key of the selector's URLs
  bool success = false;
  Instant established_at{};
};

// Why the person said they need an application.
struct Purpose {
  std::string audience;
  std::string text;
  Instant stated_at{};
};

// A signed-in browser. `nonce` is the claim identity_nonce of every token issued from it.
struct Session {
  std::string nonce;
  Identity identity;
  Instant created_at{};
  Instant expires_at{};
  std::vector<PostureEvidence> posture;  // at most one per integration
  std::vector<ApplicationRevocation> revocations;
  std::vector<EvaluationEvidence> evaluations;  // at most one per key
  std::vector<Purpose> purposes;                // at most one per application
};

// What is dead beside whole sessions, wherever its token is: docs/reference/node-state.md.
struct Revocations {
  std::vector<ApplicationRevocation> applications;  // of every session; at most one per audience
  std::vector<std::string> tokens;                  // `jti` of single application tokens
};
[[nodiscard]] json::object to_json(const Revocations& revocations);
[[nodiscard]] std::optional<Revocations> revocations_from_json(const json::value& document);

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
