// The assertions that workers send to applications for service tokens: signed ahead of time, since
// a worker has no signing key.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "controlplane/vault.h"
#include "model/resources.h"
#include "node_state/node_state.h"

namespace gatehouse::controlplane {

inline constexpr std::chrono::seconds kAssertionLifetime{24 * 3600};

// Which service tokens the Service Auth policies of an application could admit: those they include,
// themselves or through groups, and every one where they include a network or everyone. Pure.
[[nodiscard]] std::vector<const model::ServiceToken*> admissible_service_tokens(
    const model::Resources& resources, const model::Application& application);

// Thread-compatible: Publication's lock.
class AssertionIssuer {
 public:
  // Writes those that are new or past half their life, or all of them. Answers whether every write
  // succeeded.
  enum class Extent : std::uint8_t { Due, All };
  [[nodiscard]] bool publish(const model::Resources& resources, std::string_view issuer,
                             const Vault& vault, node_state::Writer& node_state, Instant now,
                             Extent extent);
  // The earliest moment at which publish() has something to renew.
  [[nodiscard]] Instant renew_at() const { return renew_at_; }

 private:
  struct Issued {
    std::string jwt;
    std::string client_id;
    Instant renew_at{};
    Instant expires_at{};
  };
  std::map<std::pair<std::string, std::string>, Issued> issued_;  // by token id and aud
  std::string issuer_;
  Instant renew_at_ = Instant::max();
};

}  // namespace gatehouse::controlplane
