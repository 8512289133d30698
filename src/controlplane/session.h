// Signed-in browsers: the global session on the auth domain, the tokens of applications, the ends
// of both, and who somebody is. Thread-safe; blocks on the store.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/context.h"
#include "controlplane/journey.h"
#include "controlplane/outcome.h"
#include "decision/engine.h"
#include "model/identity.h"

namespace gatehouse::controlplane {

// A browser may be signed in by several login methods at once, since applications may demand
// different ones: the newest session stands in the token as identity_nonce, earlier ones beside it.
inline constexpr std::size_t kMaxSessionsPerBrowser = 4;

// The live sessions of the browser's global session token, newest first; none when it has no valid
// token.
[[nodiscard]] std::expected<std::vector<model::Session>, Failure> live_sessions(
    Context& context, const Browser& browser);
// The newest of them whose login method the application permits.
[[nodiscard]] const model::Session* usable_session(
    const std::vector<model::Session>& sessions, const decision::CompiledApplication& application);

struct SignedIn {
  model::Session session;
  GlobalSession global;
};
// Makes a session for a person whom an identity provider has just vouched for. identity.user_id is
// filled in. Sessions of another person in this browser end.
[[nodiscard]] std::expected<SignedIn, Failure> establish_session(Context& context,
                                                                 const Browser& browser,
                                                                 const Journey& journey,
                                                                 model::Identity identity);

// What the policies say, as far as the auth domain can see.
[[nodiscard]] decision::Decision decide(const Context& context, const Browser& browser,
                                        const Journey& journey, const model::Session& session);

// Whether nothing but the client certificate stands in the way, which only nginx sees, on the
// application's own host.
[[nodiscard]] bool waits_for_certificate(const Journey& journey,
                                         const decision::Decision& decision);

// How long the policy that decided lets the application's token live.
[[nodiscard]] std::chrono::seconds token_lifetime(const Journey& journey,
                                                  const decision::Decision& decision);
struct ApplicationToken {
  std::string token;
  Instant expires_at{};
  std::string binding;  // value of CF_Binding; empty: none
};
// The token of an application for a session that may have it. Leaves an audit record with `details`
// besides the usual.
[[nodiscard]] std::expected<ApplicationToken, Failure> issue_application_token(
    Context& context, const Browser& browser, const Configuration& configuration,
    const decision::CompiledApplication& application, const model::Session& session,
    std::chrono::seconds lifetime, json::object details = {});

// A one-time code for the application's host: `lifetime` is what the policy allows its token.
[[nodiscard]] std::string issue_code(const Context& context, const Journey& journey,
                                     const model::Session& session, std::chrono::seconds lifetime);
// Of Context::arrivals.
[[nodiscard]] std::string arrival_key(std::string_view session, std::string_view audience,
                                      std::string_view redirect);
struct ApplicationSession {
  std::string token;  // CF_Authorization of the application
  Instant expires_at{};
  std::string redirect;   // path on the host
  std::string same_site;  // none, lax, strict
  bool http_only = true;
  std::string path;     // of the cookies
  std::string binding;  // value of CF_Binding; empty: none
};
// Redeems it, once, in the browser that began (`app_session`: its CF_AppSession cookie).
// Errors: TransactionInvalid, AlreadyUsed, NotSignedIn.
[[nodiscard]] std::expected<ApplicationSession, Failure> redeem_code(Context& context,
                                                                     const Browser& browser,
                                                                     std::string_view host,
                                                                     std::string_view code,
                                                                     std::string_view app_session);

// Ends every session of the browser. Answers also when there was none.
[[nodiscard]] std::expected<void, Failure> log_out_everywhere(Context& context,
                                                              const Browser& browser);
// Ends the tokens that the application of this one (`token`, on `host`) has for the session; with a
// cookie of its own path, those of every application on that host.
[[nodiscard]] std::expected<void, Failure> log_out_of_application(Context& context,
                                                                  const Browser& browser,
                                                                  std::string_view host,
                                                                  std::string_view token);

// The identity object of a CF_Authorization of `host` (facts/cloudflare-access-api.md 10.4); the
// auth domain answers for every application's token as well, as libraries ask it. `binding`: of the
// browser's CF_Binding.
// Errors: NotReady, StoreUnavailable, NotSignedIn.
[[nodiscard]] std::expected<json::object, Failure> identity_of(Context& context,
                                                               const Browser& browser,
                                                               std::string_view host,
                                                               std::string_view token,
                                                               std::string_view binding);
// The same about a session: what external evaluators get. `ip`: of the browser.
[[nodiscard]] json::object identity_document(const Context& context,
                                             const Configuration& configuration, std::string ip,
                                             const model::Session& session, Instant issued_at);

// What a device posture rule says of the session's evidence now.
[[nodiscard]] decision::Match check_posture_rule(const Context& context,
                                                 const Configuration& configuration,
                                                 const model::Session& session,
                                                 const model::PostureRule& rule);

}  // namespace gatehouse::controlplane
