#include "controlplane/journey.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/try.h"
#include "model/limits.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::size_t kDigestTextBytes = 43;  // base64url of SHA-256
// What a state or a transaction may carry so that the URLs around it stay within kMaxUrlBytes.
constexpr std::size_t kMaxCarriedRedirectBytes = 4096;

bool is_slash(char c) { return c == '/' || c == '\\'; }
// A browser reads a backslash as a slash.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; });
}

std::string_view path_of(std::string_view redirect) {
  return redirect.substr(0, redirect.find_first_of("?#"));
}

// A longer one loses its query, and at last itself: arriving at the start beats not arriving.
std::string carried(std::string_view redirect) {
  if (redirect.size() > kMaxCarriedRedirectBytes) redirect = path_of(redirect);
  return redirect.size() > kMaxCarriedRedirectBytes ? "/" : std::string(redirect);
}

std::string query_of(const Journey& journey) {
  return fmt::format("{}?kid={}&redirect_url={}&app_session={}", journey.host,
                     percent_encode(journey.application->audience),
                     percent_encode(journey.redirect), percent_encode(journey.app_session));
}

}  // namespace

bool is_local_path(std::string_view text) {
  if (text.empty() || text.size() > model::kMaxUrlBytes || text.front() != '/') return false;
  if (!is_plain(text)) return false;
  // A careless server decodes before it looks.
  const auto decoded = percent_decode(path_of(text));
  if (!decoded || (decoded->size() > 1 && is_slash((*decoded)[1]))) return false;
  return !ascii_lower(*decoded).starts_with("/cdn-cgi/access");
}

std::string destination_of(std::string_view redirect) {
  if (!redirect.starts_with(kTransferReturnPath)) return std::string(redirect);
  auto query = redirect.substr(kTransferReturnPath.size());
  constexpr std::string_view kPath = "?path=";
  if (!query.starts_with(kPath) || !is_plain(query)) return {};
  query.remove_prefix(kPath.size());
  return percent_decode(query.substr(0, query.find('&'))).value_or("");
}

std::expected<Journey, Failure> begin_journey(const Context& context, const LoginQuery& query) {
  Journey journey;
  journey.configuration = GATEHOUSE_TRY(configuration_in_force(context));
  const std::string redirect = query.redirect.empty() ? "/" : query.redirect;
  const std::string destination = destination_of(redirect);
  if (redirect.size() > model::kMaxUrlBytes || !is_local_path(destination))
    return std::unexpected(Failure{FailureKind::RedirectRefused, {}});
  journey.redirect = carried(redirect);

  const auto& snapshot = *journey.configuration->snapshot;
  journey.host = ascii_lower(query.host);
  const auto located = snapshot.locate(journey.host, path_of(carried(destination)));
  // INVARIANT: redirects go only to hosts that are configured applications. The host is compared in
  // its plain spelling, since it becomes part of a URL.
  const bool plain_host =
      journey.host.size() <= model::kMaxHostBytes && !journey.host.ends_with('.') &&
      journey.host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") ==
          std::string::npos;
  if (!plain_host || located.ambiguous || located.application == nullptr ||
      located.application->audience != query.audience)
    return std::unexpected(Failure{FailureKind::UnknownApplication, {}});
  journey.application = located.application;

  if (!query.app_session.empty()) {
    const auto digest = base64url_decode(query.app_session);
    if (!digest || query.app_session.size() != kDigestTextBytes)
      return std::unexpected(
          Failure{FailureKind::TransactionInvalid, application_url(context, journey)});
    journey.app_session = query.app_session;
  }
  return journey;
}

std::expected<Journey, Failure> resume_journey(const Context& context,
                                               const Transaction& transaction) {
  return begin_journey(context, {transaction.host, transaction.audience, transaction.redirect,
                                 transaction.app_session});
}

Transaction to_transaction(const Journey& journey, Step step) {
  Transaction transaction;
  transaction.step = step;
  transaction.audience = journey.application->audience;
  transaction.host = journey.host;
  transaction.redirect = journey.redirect;
  transaction.app_session = journey.app_session;
  return transaction;
}

std::string origin_of(const Context& context, std::string_view host) {
  const auto port = context.dependencies.public_https_port;
  return port == 443 ? fmt::format("https://{}", host) : fmt::format("https://{}:{}", host, port);
}

std::string application_url(const Context& context, const Journey& journey) {
  return origin_of(context, journey.host) + journey.redirect;
}

std::string login_url(const Journey& journey) {
  return fmt::format("{}/cdn-cgi/access/login/{}", journey.configuration->snapshot->issuer(),
                     query_of(journey));
}

std::string purpose_start_url(const Journey& journey) {
  return fmt::format("{}/cdn-cgi/access/purpose/{}", journey.configuration->snapshot->issuer(),
                     query_of(journey));
}

std::string posture_start_url(const Journey& journey) {
  return fmt::format("{}/cdn-cgi/access/posture/{}", journey.configuration->snapshot->issuer(),
                     query_of(journey));
}

}  // namespace gatehouse::controlplane
