// The start page of the auth domain: what the person who is signed in may open, where else they are
// signed in, from which devices, and the ends of all that. Thread-safe; blocks on the store.
// docs/guides/launcher.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/context.h"
#include "decision/reason.h"
#include "model/identity.h"

namespace gatehouse::controlplane {

struct ApplicationLink {
  std::string name;
  std::string url;                                     // empty: its host has a wildcard
  decision::Reason obstacle = decision::Reason::None;  // None: it can be opened now
  std::string domain;
  std::string logo_url;  // may be empty
};
// A browser in which the person is signed in.
struct SessionSeen {
  std::string handle;   // names it to end_session_of(); not the session's nonce
  std::string browser;  // of the sign-in, as the rest here; may be empty
  std::string address;
  std::string country;
  std::string login_method;  // name
  Instant began{};
  Instant ends{};
  bool is_this = false;  // of the browser that asks
};
struct CheckSeen {
  std::string name;
  decision::Reason reason = decision::Reason::None;  // None: it is passed
};
// The newest evidence of one device by one integration in any of these sessions.
struct DeviceSeen {
  model::PostureEvidence evidence;
  std::string integration;        // name
  std::vector<CheckSeen> checks;  // that ask this integration
};
inline constexpr std::size_t kMaxLinksShown = 200;
inline constexpr std::size_t kMaxSearchBytes = 200;
// More than these are too many to look through.
inline constexpr std::size_t kLinksWithoutSearch = 8;
struct Home {
  std::string email;                          // empty: nobody signed in
  std::vector<ApplicationLink> applications;  // that they could be let into, by name
  bool is_searchable = false;                 // there are many, found or not
  bool is_truncated = false;                  // these are the first kMaxLinksShown
  std::vector<SessionSeen> sessions;          // newest first
  std::vector<DeviceSeen> devices;
  std::string transaction;  // for the two below: of this browser and its session, for kFormLifetime
};
inline constexpr std::chrono::hours kFormLifetime{4};
// `search`: words that name or domain have, whatever their case; empty: all.
[[nodiscard]] std::expected<Home, Failure> home(Context& context, const Browser& browser,
                                                std::string_view search = {});

enum class Ended : std::uint8_t {
  Another,   // this browser is still signed in
  This,      // it is not
  Outdated,  // nothing was done: the transaction is not of this browser's session, or too old
};
// Ends one session of the person, wherever it is; one that has ended already is no failure.
[[nodiscard]] std::expected<Ended, Failure> end_session_of(Context& context, const Browser& browser,
                                                           std::string_view transaction,
                                                           std::string_view handle);
// Ends all of them, on every node.
[[nodiscard]] std::expected<Ended, Failure> end_all_sessions_of(Context& context,
                                                                const Browser& browser,
                                                                std::string_view transaction);

}  // namespace gatehouse::controlplane
