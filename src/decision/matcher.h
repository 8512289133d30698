// The seam between the engine and the selectors. A selector kind compiles authored values into a
// Matcher; the engine only asks matchers. Pure.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/json.h"
#include "base/time.h"
#include "decision/reason.h"
#include "decision/truth.h"
#include "model/identity.h"
#include "model/resources.h"

namespace gatehouse::decision {

class Snapshot;
struct CompiledServiceToken;

// The client certificate of the connection, judged by the authorities of the request's host
// (Snapshot::client_certificates): one shown for another host says nothing here.
struct CertificateEvidence {
  enum class State : std::uint8_t {
    None,     // the client showed none, or the host has no authority
    Valid,    // chain, time and revocation are in order
    Invalid,  // shown, and not in order
    Unknown,  // whoever asks cannot see the connection
  };
  State state = State::None;
  std::string_view common_name{};  // only when Valid
  std::string_view serial{};       // lower-case hex
  // The obstacle when it is Unknown. None: whoever asks wants to hear of every other one first.
  Reason when_unknown = Reason::CertificateRequired;
};

// Everything a decision may look at besides the snapshot. Borrowed for the call.
struct Evidence {
  IpAddress client_ip;
  std::string_view country;  // of client_ip, ISO 3166-1 alpha-2 in upper case; empty: unknown
  const model::Session* session = nullptr;  // nobody signed in: null
  // The session's address in canonical form; empty when it must match nothing.
  std::string_view canonical_email;
  const CompiledServiceToken* service_token = nullptr;  // valid credentials only
  CertificateEvidence certificate;
  bool cors_preflight = false;  // OPTIONS with Origin and Access-Control-Request-Method
  // could_admit(): device, network, certificate, evaluations and service token are unknown instead
  // of absent.
  bool identity_only = false;
  // Nobody asks for anything now, so client_ip says nothing: what looks at it is unknown.
  bool no_request = false;
};

// Outcome of one selector, group, list or policy. `reason` names the obstacle unless True.
struct Match {
  Truth truth = Truth::False;
  Reason reason = Reason::NoPolicyMatched;
};
inline constexpr Match kTrue{Truth::True, Reason::None};

// What a selector saw, for traces: `alice@corp.example`, `192.0.2.7`, `managed, checked in ...`.
struct Observation {
  std::string value;                      // empty: nothing
  std::optional<Instant> established_at;  // of evidence that ages; nullopt: a fact of the request
};

class Matcher {
 public:
  virtual ~Matcher() = default;
  // Thread-safe; never throws; allocates nothing that grows with the input.
  [[nodiscard]] virtual Match match(const Snapshot& snapshot, const Evidence& evidence,
                                    Instant now) const = 0;
  // For people: `email is one of 3 addresses`. Used by traces only.
  [[nodiscard]] virtual std::string describe() const = 0;
  // Used by traces only.
  [[nodiscard]] virtual Observation observe(const Snapshot&, const Evidence&) const { return {}; }
  // The obstacle of someone for whom this holds and who is excluded for it.
  [[nodiscard]] virtual Reason reason_when_excluded() const { return Reason::NoPolicyMatched; }
  // The groups it asks, for traces and for the check that they are not nested too deep.
  [[nodiscard]] virtual std::span<const std::uint32_t> groups() const { return {}; }
};

// How the values of one kind in one list combine: Include and Exclude are Any, Require is All.
enum class Combine : std::uint8_t { Any, All };

// What a selector may refer to while it is compiled. Unknown names are errors of the author.
class CompileContext {
 public:
  virtual ~CompileContext() = default;
  // By id or by name; the index is the one Snapshot::group takes.
  [[nodiscard]] virtual std::optional<std::uint32_t> find_group(std::string_view id) const = 0;
  [[nodiscard]] virtual std::optional<std::uint32_t> find_posture_rule(
      std::string_view id) const = 0;
  [[nodiscard]] virtual std::optional<std::string> find_login_method(std::string_view id) const = 0;
  [[nodiscard]] virtual std::optional<std::string> find_service_token(
      std::string_view id) const = 0;
  // The index is the one Snapshot::list takes; nullopt also when the list is of the other type.
  [[nodiscard]] virtual std::optional<std::uint32_t> find_list(std::string_view id,
                                                               model::ListType type) const = 0;
};

struct SelectorError {
  std::size_t index = 0;  // which of the values
  std::string field;      // `domain`; empty: the object itself
  std::string message;    // "must be a domain such as `example.com`"
};

struct SelectorKind {
  std::string_view name;  // the key in the authored form: `email_domain`
  // All values of this kind in one list, in order; never empty.
  std::expected<std::unique_ptr<const Matcher>, SelectorError> (*compile)(
      std::span<const json::object* const> values, Combine combine, const CompileContext& context);
};

// The explicit table that selectors/registry.h makes and main hands down.
using SelectorRegistry = std::span<const SelectorKind>;

}  // namespace gatehouse::decision
