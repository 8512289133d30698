// Sign-in on the auth domain: choose a login method, go through it, come back with an identity, be
// admitted, sent on to the posture exchange, or refused. Thread-safe. docs/reference/wire.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/context.h"
#include "controlplane/journey.h"
#include "controlplane/outcome.h"
#include "decision/reason.h"
#include "identity/provider.h"
#include "model/identity.h"

namespace gatehouse::controlplane {

// Where identity providers send browsers back to.
[[nodiscard]] std::string callback_url(const Configuration& configuration);

// Begins. With a live global session that the application accepts, no questions. Blocks on the
// store only: an identity provider is asked by start_method.
[[nodiscard]] OutcomeOrFailure log_in(Context& context, const Browser& browser,
                                      const LoginQuery& query);
// The person chose a method on the chooser.
[[nodiscard]] OutcomeOrFailure choose_method(Context& context, const Browser& browser,
                                             std::string_view sealed, std::string_view method);
// Starts the method of a Start transaction. May block on the identity provider.
[[nodiscard]] OutcomeOrFailure start_method(Context& context, const Browser& browser,
                                            std::string_view sealed);
// The identity provider sent the browser back. Blocks on it.
[[nodiscard]] OutcomeOrFailure return_from_provider(Context& context, const Browser& browser,
                                                    std::string_view state, std::string_view query);

// What comes after an identity, however it was established. `asked`: the authentication contexts
// that its provider was asked for on the way; they are not asked for again.
[[nodiscard]] OutcomeOrFailure complete_sign_in(Context& context, const Browser& browser,
                                                const Journey& journey, model::Identity identity,
                                                const std::vector<std::string>& asked = {});
// Asks the policies and goes on: to the application, the evaluators, the posture exchange, the
// question why, a stronger sign-in, the chooser, a refusal.
[[nodiscard]] OutcomeOrFailure proceed(Context& context, const Browser& browser,
                                       const Journey& journey, const model::Session& session,
                                       const std::vector<std::string>& asked = {});

// A refusal, recorded, and where its page is: ours, or the administrator's address for it.
[[nodiscard]] GoTo refuse(Context& context, const Browser& browser, const Journey& journey,
                          const model::Identity& identity, decision::Reason reason);
// The identity of somebody for whom a provider has vouched.
[[nodiscard]] model::Identity to_identity(identity::ProviderIdentity vouched, std::string method);
struct ShownRefusal {
  decision::Reason reason = decision::Reason::InternalError;
  std::string application;
  std::string email;
  std::string reference;  // of the request that was refused
  std::string retry_url;
  std::string message;                      // the administrator's; may be empty
  std::string support_code{};               // the identity provider's own; may be empty
  std::shared_ptr<const std::string> page;  // the administrator's HTML instead of ours; may be null
};
[[nodiscard]] std::expected<ShownRefusal, Failure> show_refusal(Context& context,
                                                                const Browser& browser,
                                                                std::string_view sealed);

// The login methods of an application, in the configured order.
[[nodiscard]] std::vector<LoginMethod> login_methods(const Journey& journey);
// A sign-in that came to nothing: log line and audit record; answers the failure to show.
[[nodiscard]] Failure sign_in_failed(Context& context, const Browser& browser,
                                     const Journey& journey, FailureKind kind,
                                     std::string_view method, std::string_view code,
                                     std::string_view message,
                                     decision::Reason hint = decision::Reason::None);

}  // namespace gatehouse::controlplane
