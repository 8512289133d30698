// Where a sign-in leads: an application, a path on one of its hosts, and the browser's session with
// that application. Checked whenever it is taken up again, since the configuration may have
// changed.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "controlplane/context.h"
#include "controlplane/transaction.h"

namespace gatehouse::controlplane {

// The query of a login URL, decoded; empty where absent.
struct LoginQuery {
  std::string host;      // from the path
  std::string audience;  // kid
  std::string redirect;  // redirect_url
  std::string app_session;
};

struct Journey {
  std::shared_ptr<const Configuration> configuration;
  const decision::CompiledApplication* application = nullptr;  // of the snapshot; never null
  std::string host;
  std::string redirect;
  std::string app_session;  // empty: the application has to begin
};

// Whether `text` is a path (and query) that stays on its host however it is read: exactly one `/`
// at its start, also when percent-decoded, no backslash in the path, printable ASCII without space,
// at most kMaxUrlBytes, and not one of our own endpoints.
[[nodiscard]] bool is_local_path(std::string_view text);

// Where a command line's browser comes back to on an application's host after the sign-in.
inline constexpr std::string_view kTransferReturnPath = "/cdn-cgi/access/cli/confirm";
// The path that decides which application a redirect leads to: `path` of a way back to
// kTransferReturnPath (empty: it has none), else the redirect itself.
[[nodiscard]] std::string destination_of(std::string_view redirect);

// Errors: NotReady, RedirectRefused, UnknownApplication (kid, host and path must lead to the same
// application), TransactionInvalid (app_session is not a digest).
[[nodiscard]] std::expected<Journey, Failure> begin_journey(const Context& context,
                                                            const LoginQuery& query);
[[nodiscard]] std::expected<Journey, Failure> resume_journey(const Context& context,
                                                             const Transaction& transaction);
// The part of a transaction that says where it leads.
[[nodiscard]] Transaction to_transaction(const Journey& journey, Step step);

// `https://host[:port]`
[[nodiscard]] std::string origin_of(const Context& context, std::string_view host);
// Where the person wanted to go.
[[nodiscard]] std::string application_url(const Context& context, const Journey& journey);
[[nodiscard]] std::string login_url(const Journey& journey);
[[nodiscard]] std::string posture_start_url(const Journey& journey);
[[nodiscard]] std::string purpose_start_url(const Journey& journey);

}  // namespace gatehouse::controlplane
