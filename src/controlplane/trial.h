// What an administrator tries out from the dashboard (`tests` of the API): a real sign-in with a
// login method, or a real check of a device, in the browser that opens the test's URL. No session
// comes of it and no policy is asked; whoever started it reads the result. The store holds it, so
// any node goes on with it. Thread-safe; blocks on the store, a login on the identity provider too.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/context.h"
#include "controlplane/outcome.h"
#include "controlplane/posture_exchange.h"

namespace gatehouse::controlplane {

inline constexpr std::chrono::seconds kTrialTicketLifetime{300};
inline constexpr std::chrono::seconds kTrialLifetime{900};  // nothing is known of it afterwards
inline constexpr std::size_t kMaxTrials = 200;              // at a time, of all nodes

enum class TrialKind : std::uint8_t { Login, Device };
enum class TrialError : std::uint8_t {
  NotReady,
  StoreUnavailable,
  TooMany,
  UnknownLoginMethod,
  CannotSignIn,  // a type of login method that nobody can sign in with
  PinNotSetUp,
  UnknownIntegration,
  NoExchange,  // an integration that asks no browser
};
[[nodiscard]] std::string_view to_string(TrialError error);  // for the administrator

struct StartedTrial {
  std::string id;   // 32 hex
  std::string url;  // works once
  Instant expires_at{};
};
// `owner`: who may read the result. `subject`: id or name of the login method or integration.
[[nodiscard]] std::expected<StartedTrial, TrialError> start_trial(Context& context,
                                                                  const std::string& owner,
                                                                  TrialKind kind,
                                                                  std::string_view subject);
// `Test` of api/openapi.yaml; nullopt: there is none of this id that this owner started.
[[nodiscard]] std::expected<std::optional<json::object>, TrialError> find_trial(
    Context& context, std::string_view owner, std::string_view id);

// The browser opened the URL. Errors: AlreadyUsed, TransactionInvalid, ...
[[nodiscard]] OutcomeOrFailure open_trial(Context& context, const Browser& browser,
                                          std::string_view ticket);
// The page that asks the device.
[[nodiscard]] std::expected<AskDevice, Failure> show_trial_device(Context& context,
                                                                  const Browser& browser,
                                                                  std::string_view sealed);

// Each continues a test; nullopt: what was given belongs to none.
[[nodiscard]] std::optional<OutcomeOrFailure> return_to_trial(Context& context,
                                                              const Browser& browser,
                                                              std::string_view state,
                                                              std::string_view query);
[[nodiscard]] std::optional<OutcomeOrFailure> request_trial_pin(Context& context,
                                                                const Browser& browser,
                                                                std::string_view sealed,
                                                                std::string_view address);
[[nodiscard]] std::optional<OutcomeOrFailure> verify_trial_pin(Context& context,
                                                               const Browser& browser,
                                                               std::string_view sealed,
                                                               std::string_view code);
[[nodiscard]] std::optional<std::expected<PostureReply, Failure>> receive_trial_result(
    Context& context, const Browser& browser, const PostureResult& result);

// Where the browser ends.
inline constexpr std::string_view kTrialPage = "/cdn-cgi/access/test";

}  // namespace gatehouse::controlplane
