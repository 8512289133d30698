#include "controlplane/cli_transfer.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/journey.h"
#include "controlplane/session.h"
#include "controlplane/transaction.h"
#include "crypto/digest.h"
#include "crypto/key_box.h"
#include "model/limits.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::size_t kTextBytes = 43;  // base64url of 32 bytes
constexpr std::string_view kRowOwner = "access transfer";
constexpr std::string_view kWaiting = "waiting";
constexpr std::string_view kTaken = "taken";

// Neither can be told from an administrator's test by its id, so it has a name of its own.
std::string row_id(std::string_view id) { return fmt::format("transfer/{}", id); }

bool is_key_text(std::string_view text) {
  return text.size() == kTextBytes && base64url_decode(text).has_value();
}

std::string path_of(const TransferQuery& query) { return query.path.empty() ? "/" : query.path; }

std::string query_text(const TransferQuery& query) {
  return fmt::format("path={}&key={}&id={}", percent_encode(path_of(query)), query.key, query.id);
}

std::expected<Journey, Failure> journey_to(const Context& context, std::string_view host,
                                           std::string_view path, std::string redirect,
                                           std::string app_session) {
  const auto configuration = GATEHOUSE_TRY(configuration_in_force(context));
  const auto located =
      configuration->snapshot->locate(host, path.substr(0, path.find_first_of("?#")));
  if (located.ambiguous || located.application == nullptr)
    return std::unexpected(Failure{FailureKind::UnknownApplication, {}});
  return begin_journey(context, {std::string(host), located.application->audience,
                                 std::move(redirect), std::move(app_session)});
}

std::expected<void, Failure> check(const TransferQuery& query) {
  if (is_key_text(query.key) && is_key_text(query.id)) return {};
  return std::unexpected(Failure{FailureKind::TransactionInvalid, {}});
}

// Whether the policies let the session in, as far as the auth domain sees: how long its token may
// live.
std::expected<std::chrono::seconds, Failure> permitted(const Context& context,
                                                       const Browser& browser,
                                                       const Journey& journey,
                                                       const model::Session& session) {
  const auto decision = decide(context, browser, journey, session);
  const bool is_let_in = decision.effect == decision::Effect::Allow ||
                         decision.effect == decision::Effect::Bypass ||
                         waits_for_certificate(journey, decision);
  if (!is_let_in)
    return std::unexpected(Failure{FailureKind::NotSignedIn, application_url(context, journey)});
  // INVARIANT: a token that is bound to a browser leaves it for nowhere.
  if (journey.application->enable_binding_cookie)
    return std::unexpected(Failure{FailureKind::MethodUnavailable, {}});
  return token_lifetime(journey, decision);
}

}  // namespace

std::string transfer_id(std::string_view secret) {
  return base64url_encode(crypto::sha256(secret));
}

std::string transfer_code(std::string_view public_key) {
  // No letters and digits that are taken for one another.
  constexpr std::string_view kAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  const auto digest = crypto::sha256(fmt::format("{} code {}", kTransferPurpose, public_key));
  std::string code;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == 4) code += '-';
    code += kAlphabet[static_cast<unsigned char>(digest[i]) % kAlphabet.size()];
  }
  return code;
}

std::expected<std::string, Failure> transfer_audience(const Context& context, std::string_view host,
                                                      std::string_view path) {
  const std::string place = path.empty() ? "/" : std::string(path);
  return GATEHOUSE_TRY(journey_to(context, host, place, place, "")).application->audience;
}

std::expected<std::string, Failure> begin_transfer(const Context& context, std::string_view host,
                                                   const TransferQuery& query,
                                                   std::string_view app_session) {
  GATEHOUSE_TRY_VOID(check(query));
  return login_url(GATEHOUSE_TRY(journey_to(
      context, host, path_of(query), fmt::format("{}?{}", kTransferReturnPath, query_text(query)),
      base64url_encode(crypto::sha256(app_session)))));
}

std::expected<std::string, Failure> continue_transfer(const Context& context, std::string_view host,
                                                      const TransferQuery& query) {
  GATEHOUSE_TRY_VOID(check(query));
  const auto journey = GATEHOUSE_TRY(journey_to(context, host, path_of(query), path_of(query), ""));
  return fmt::format("{}/cdn-cgi/access/cli/{}?{}", journey.configuration->snapshot->issuer(),
                     journey.host, query_text(query));
}

std::expected<TransferQuestion, Failure> ask_transfer(Context& context, const Browser& browser,
                                                      std::string_view host,
                                                      const TransferQuery& query) {
  GATEHOUSE_TRY_VOID(check(query));
  const auto journey = GATEHOUSE_TRY(journey_to(context, host, path_of(query), path_of(query), ""));
  const auto sessions = GATEHOUSE_TRY(live_sessions(context, browser));
  const auto* session = usable_session(sessions, *journey.application);
  if (session == nullptr)
    return std::unexpected(Failure{FailureKind::NotSignedIn, application_url(context, journey)});
  GATEHOUSE_TRY(permitted(context, browser, journey, *session));
  auto transaction = to_transaction(journey, Step::Transfer);
  transaction.session = session->nonce;
  transaction.nonce = query.id;
  transaction.verifier = query.key;
  return TransferQuestion{journey.application->name, session->identity.email, journey.host,
                          transfer_code(query.key),
                          seal_transaction(context, browser, transaction, kTransferLifetime)};
}

std::expected<std::string, Failure> confirm_transfer(Context& context, const Browser& browser,
                                                     std::string_view sealed) {
  const auto transaction =
      GATEHOUSE_TRY(open_transaction(context, browser, Step::Transfer, sealed));
  const auto journey = GATEHOUSE_TRY(resume_journey(context, transaction));
  const auto now = context.now();
  // The browser must still be the one that is signed in, not only have been shown the page.
  const auto sessions = GATEHOUSE_TRY(live_sessions(context, browser));
  const auto session = std::ranges::find(sessions, transaction.session, &model::Session::nonce);
  if (session == sessions.end())
    return std::unexpected(Failure{FailureKind::NotSignedIn, application_url(context, journey)});
  const auto lifetime = GATEHOUSE_TRY(permitted(context, browser, journey, *session));
  auto& store = context.dependencies.store;
  if (!GATEHOUSE_TRY(from_store(
          store.consume_once("transfer/" + transaction.nonce, transaction.expires_at, now),
          browser.reference)))
    return std::unexpected(Failure{FailureKind::AlreadyUsed, {}});
  const auto issued = GATEHOUSE_TRY(
      issue_application_token(context, browser, *journey.configuration, *journey.application,
                              *session, lifetime, json::object{{"client", "command line"}}));
  const auto box = crypto::seal_to_key(
      base64url_decode(transaction.verifier).value_or(""), random_bytes(crypto::kBoxKeyBytes),
      kTransferPurpose,
      json::serialize(json::object{{"token", issued.token},
                                   {"expires_at", to_epoch_seconds(issued.expires_at)}}));
  if (!box) return std::unexpected(Failure{FailureKind::TransactionInvalid, {}});
  const auto document = json::serialize(json::object{{"sealed", base64url_encode(*box)}});
  const storage::Trial row{row_id(transaction.nonce), std::string(kRowOwner),
                           std::string(kWaiting),     now,
                           now + kTransferLifetime,   document};
  if (!GATEHOUSE_TRY(from_store(store.add_trial(row, kMaxTransfers), browser.reference)))
    return std::unexpected(Failure{FailureKind::TooManyRequests, {}});
  spdlog::info("token_transferred user={} application={} reference={}", session->identity.user_id,
               journey.application->id, browser.reference);
  return journey.application->name;
}

std::expected<std::optional<std::string>, Failure> take_transfer(Context& context,
                                                                 std::string_view reference,
                                                                 std::string_view secret) {
  if (!is_key_text(secret)) return std::nullopt;
  auto& store = context.dependencies.store;
  const auto now = context.now();
  const auto id = row_id(transfer_id(secret));
  const auto row = GATEHOUSE_TRY(from_store(store.find_trial(id, now), reference));
  if (!row || row->owner != kRowOwner || row->state != kWaiting) return std::nullopt;
  if (!GATEHOUSE_TRY(from_store(store.change_trial(id, kWaiting, kTaken, "{}", now), reference)))
    return std::nullopt;
  const auto document = json::parse(row->document);
  const auto sealed = document && document->is_object()
                          ? json::find_string(document->get_object(), "sealed")
                          : std::nullopt;
  if (!sealed) return std::nullopt;
  return std::string(*sealed);
}

}  // namespace gatehouse::controlplane
