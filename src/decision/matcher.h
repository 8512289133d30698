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

namespace gatehouse::decision {

class Snapshot;
struct CompiledServiceToken;

// Everything a decision may look at besides the snapshot. Borrowed for the call.
struct Evidence {
  IpAddress client_ip;
  const model::Session* session = nullptr;  // nobody signed in: null
  // The session's address in canonical form; empty when it must match nothing.
  std::string_view canonical_email;
  const CompiledServiceToken* service_token = nullptr;  // valid credentials only
  // could_admit(): device, network and service token are unknown instead of absent.
  bool identity_only = false;
};

// Outcome of one selector, group, list or policy. `reason` names the obstacle unless True.
struct Match {
  Truth truth = Truth::False;
  Reason reason = Reason::NoPolicyMatched;
};
inline constexpr Match kTrue{Truth::True, Reason::None};

class Matcher {
 public:
  virtual ~Matcher() = default;
  // Thread-safe; never throws; allocates nothing that grows with the input.
  [[nodiscard]] virtual Match match(const Snapshot& snapshot, const Evidence& evidence,
                                    Instant now) const = 0;
  // For people: `email is one of 3 addresses`. Used by traces only.
  [[nodiscard]] virtual std::string describe() const = 0;
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
