#include "controlplane/trial.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/audit.h"
#include "controlplane/device_evidence.h"
#include "controlplane/limiter.h"
#include "controlplane/pin.h"
#include "controlplane/sign_in.h"
#include "controlplane/transaction.h"
#include "controlplane/trial_hints.h"
#include "jose/jwt.h"
#include "model/limits.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::string_view kTicketPurpose = "trial";
constexpr std::string_view kPinType = "onetimepin";
constexpr std::size_t kIdBytes = 16;

// States of the store's row; `expired` is made of the time.
constexpr std::string_view kWaiting = "waiting";
constexpr std::string_view kRunning = "running";
constexpr std::string_view kSucceeded = "succeeded";
constexpr std::string_view kFailed = "failed";

struct Trying {
  storage::Trial row;
  json::object document;  // of the row: kind, subject, instants, and what came of it
  std::shared_ptr<const Configuration> configuration;

  [[nodiscard]] std::string_view subject() const {
    return json::find_string(document, "subject").value_or("");
  }
};

template <typename Things>
const typename Things::value_type* find_by(const Things& things, std::string_view name) {
  const auto found = std::ranges::find_if(
      things, [&](const auto& one) { return one.id == name || one.name == name; });
  return found == things.end() ? nullptr : &*found;
}

json::object failure_of(std::string_view code, std::string_view message, std::string_view hint,
                        std::string_view detail) {
  return {{"code", code}, {"message", message}, {"hint", hint}, {"detail", detail}};
}

Outcome done() { return {GoTo{std::string(kTrialPage), std::nullopt}, std::nullopt}; }

// What came of a running test; one that has ended meanwhile stays as it is.
std::expected<void, Failure> finish(Context& context, const Browser& browser, Trying& trying,
                                    std::string_view state, std::string_view member,
                                    json::object value) {
  const auto now = context.now();
  const auto code = json::find_string(value, "code").value_or("");
  spdlog::info("test_finished id={} state={} code={} reference={}", trying.row.id, state, code,
               browser.reference);
  trying.document["finished_at"] = format_rfc3339(now);
  trying.document[member] = std::move(value);
  GATEHOUSE_TRY(
      from_store(context.dependencies.store.change_trial(trying.row.id, kRunning, state,
                                                         json::serialize(trying.document), now),
                 browser.reference));
  return {};
}
OutcomeOrFailure failed(Context& context, const Browser& browser, Trying& trying,
                        json::object failure) {
  GATEHOUSE_TRY_VOID(finish(context, browser, trying, kFailed, "failure", std::move(failure)));
  return done();
}
OutcomeOrFailure failed(Context& context, const Browser& browser, Trying& trying,
                        const identity::IdentityError& error) {
  return failed(context, browser, trying,
                failure_of(error.code, error.message, login_hint(error), error.support_code));
}
OutcomeOrFailure gone(Context& context, const Browser& browser, Trying& trying) {
  return failed(context, browser, trying,
                failure_of("removed", "what was to be tested has been removed meanwhile", "", ""));
}

std::expected<Trying, Failure> load(Context& context, const Browser& browser, std::string_view id) {
  Trying trying;
  trying.configuration = GATEHOUSE_TRY(configuration_in_force(context));
  auto row = GATEHOUSE_TRY(
      from_store(context.dependencies.store.find_trial(id, context.now()), browser.reference));
  if (!row) return std::unexpected(Failure{FailureKind::TransactionInvalid, {}});
  trying.row = std::move(*row);
  auto document = json::parse(trying.row.document);
  if (!document || !document->is_object())
    return std::unexpected(Failure{FailureKind::TransactionInvalid, {}});
  trying.document = std::move(document->get_object());
  return trying;
}

// A step of a test that still runs.
std::expected<std::pair<Transaction, Trying>, Failure> resume(Context& context,
                                                              const Browser& browser,
                                                              Transaction transaction) {
  auto trying = GATEHOUSE_TRY(load(context, browser, transaction.session));
  if (trying.row.state != kRunning) return std::unexpected(Failure{FailureKind::AlreadyUsed, {}});
  return std::pair{std::move(transaction), std::move(trying)};
}

Transaction step_of(Step step, std::string method = {}) {
  Transaction transaction;
  transaction.step = step;
  transaction.method = std::move(method);
  return transaction;
}

std::string seal_step(const Context& context, const Browser& browser, const Trying& trying,
                      Transaction transaction) {
  transaction.session = trying.row.id;
  return seal_transaction(context, browser, std::move(transaction), model::kSignInLifetime);
}

const model::IdentityProvider* method_of(const Trying& trying) {
  return find_by(trying.configuration->resources->identity_providers, trying.subject());
}

OutcomeOrFailure start_login(Context& context, const Browser& browser, Trying& trying) {
  const auto* method = method_of(trying);
  if (method == nullptr) return gone(context, browser, trying);
  if (method->type == kPinType) {
    return Outcome{
        AskAddress{method->name,
                   seal_step(context, browser, trying, step_of(Step::TrialPinAddress, method->id)),
                   "", InputError::None},
        std::nullopt};
  }
  const auto provider = trying.configuration->identity_providers.find(method->id);
  if (provider == trying.configuration->identity_providers.end())
    return gone(context, browser, trying);
  Transaction transaction = step_of(Step::TrialCallback, method->id);
  transaction.nonce = random_base64url(32);
  transaction.verifier = random_base64url(32);
  const auto state = seal_step(context, browser, trying, transaction);
  auto url = provider->second->authorization_url({transaction.nonce, transaction.verifier},
                                                 callback_url(*trying.configuration), state, {},
                                                 context.now());
  if (!url) return failed(context, browser, trying, url.error());
  return Outcome{GoTo{std::move(*url), std::nullopt}, std::nullopt};
}

json::array texts(const std::vector<std::string>& values) {
  json::array list;
  for (const auto& value : values) list.emplace_back(value);
  return list;
}

json::object to_json(const identity::ProviderIdentity& identity) {
  json::object claims;
  for (const auto& [name, values] : identity.claims) claims[name] = texts(values);
  return {{"email", identity.email},
          {"subject", identity.subject},
          {"name", identity.name},
          {"groups", texts(identity.groups)},
          {"groups_known", identity.groups_known},
          {"amr", texts(identity.amr)},
          {"auth_contexts", texts(identity.auth_contexts)},
          {"claims", std::move(claims)}};
}

OutcomeOrFailure finish_login(Context& context, const Browser& browser, Trying& trying,
                              const identity::ProviderIdentity& identity) {
  GATEHOUSE_TRY_VOID(finish(context, browser, trying, kSucceeded, "login", to_json(identity)));
  return done();
}

OutcomeOrFailure finish_callback(Context& context, const Browser& browser, const Transaction& begun,
                                 std::string_view query) {
  auto [transaction, trying] = GATEHOUSE_TRY(resume(context, browser, begun));
  const auto provider = trying.configuration->identity_providers.find(transaction.method);
  if (provider == trying.configuration->identity_providers.end())
    return gone(context, browser, trying);
  const auto vouched =
      provider->second->redeem({transaction.nonce, transaction.verifier},
                               callback_url(*trying.configuration), query, context.now());
  if (!vouched) return failed(context, browser, trying, vouched.error());
  return finish_login(context, browser, trying, vouched->identity);
}

OutcomeOrFailure send_pin(Context& context, const Browser& browser, const Transaction& begun,
                          std::string_view sealed, std::string_view address) {
  auto [transaction, trying] = GATEHOUSE_TRY(resume(context, browser, begun));
  const auto* method = method_of(trying);
  if (method == nullptr) return gone(context, browser, trying);
  const auto email = model::canonical_email(trim(address));
  if (!email)
    return Outcome{
        AskAddress{method->name, std::string(sealed),
                   std::string(address.substr(0, model::kMaxEmailBytes)), InputError::Address},
        std::nullopt};
  const auto browser_hash = context.browser_hash(browser);
  if (!context.pins.admit(limiter_key(browser.address), browser_hash, context.now()))
    return std::unexpected(Failure{FailureKind::TooManyRequests, {}});
  Transaction next = step_of(Step::TrialPinCode, method->id);
  next.nonce = random_base64url(16);
  next.email = *email;
  context.pins.place({next.nonce, *email, browser_hash, [] { return true; }});
  return Outcome{
      AskCode{method->name, seal_step(context, browser, trying, next), *email, InputError::None},
      std::nullopt};
}

OutcomeOrFailure check_pin(Context& context, const Browser& browser, const Transaction& begun,
                           std::string_view sealed, std::string_view code) {
  auto [transaction, trying] = GATEHOUSE_TRY(resume(context, browser, begun));
  const auto* method = method_of(trying);
  if (method == nullptr) return gone(context, browser, trying);
  const auto outcome = GATEHOUSE_TRY(try_pin(context, browser, transaction.nonce, code));
  if (outcome != InputError::None)
    return Outcome{AskCode{method->name, std::string(sealed), transaction.email, outcome},
                   std::nullopt};
  identity::ProviderIdentity identity;
  identity.email = transaction.email;
  identity.subject = transaction.email;
  return finish_login(context, browser, trying, identity);
}

// Devices.

std::string signature_detail(const posture::TaniumProfile& profile, std::string_view token) {
  std::string known;
  for (const auto& key : profile.keys)
    known += fmt::format("{}{}", known.empty() ? "" : ", ", key.thumbprint());
  const auto parsed = jose::CompactJws::parse(token);
  if (!parsed) return fmt::format("configured keys: {}", known);
  std::string kid;
  for (const char c : parsed->kid().substr(0, 64)) kid += c > 0x20 && c < 0x7f ? c : '?';
  return fmt::format("signed with {}, key `{}`; configured keys (RFC 7638): {}",
                     jose::to_string(parsed->algorithm()), kid, known);
}

struct Verified {
  std::optional<model::PostureEvidence> evidence;
  json::object failure;  // without evidence
};
std::expected<Verified, Failure> verify(Context& context, const Browser& browser,
                                        const Transaction& transaction,
                                        const posture::TaniumProfile& profile,
                                        const Configuration& configuration,
                                        const PostureResult& result) {
  const auto refused = [](json::object failure) { return Verified{{}, std::move(failure)}; };
  if (result.token.empty()) {
    const auto reason = reported_reason(result);
    const auto& told = decision::info(reason);
    return refused(
        failure_of(told.code, told.title, device_hint(reason),
                   result.permission.empty()
                       ? ""
                       : fmt::format("permission: {}", result.permission.substr(0, 32))));
  }
  const auto now = context.now();
  const auto answer = posture::verify_tanium_answer(profile, result.token, transaction.nonce,
                                                    configuration.snapshot->issuer(), now);
  if (!answer) {
    const bool is_about_keys = answer.error() == posture::TaniumError::BadSignature;
    return refused(failure_of(device_code(answer.error()), posture::to_string(answer.error()),
                              device_hint(answer.error()),
                              is_about_keys ? signature_detail(profile, result.token) : ""));
  }
  // It must not do for a sign-in as well.
  auto& store = context.dependencies.store;
  if (!GATEHOUSE_TRY(from_store(
          store.consume_once(posture_token_key(profile.integration_id, answer->replay_id),
                             answer->replay_until, now),
          browser.reference))) {
    const auto& told = decision::info(decision::Reason::PostureTokenReplayed);
    return refused(failure_of(told.code, told.title, "", ""));
  }
  if (GATEHOUSE_TRY(from_store(
          store.find_revocation(storage::RevocationKind::Device, answer->evidence.device_id, now),
          browser.reference))) {
    const auto& told = decision::info(decision::Reason::DeviceRevoked);
    return refused(failure_of(told.code, told.title, device_hint(decision::Reason::DeviceRevoked),
                              answer->evidence.device_id));
  }
  return Verified{answer->evidence, {}};
}

std::expected<PostureReply, Failure> finish_exchange(Context& context, const Browser& browser,
                                                     const Transaction& begun,
                                                     const PostureResult& result) {
  auto [transaction, trying] = GATEHOUSE_TRY(resume(context, browser, begun));
  const PostureReply reply{std::nullopt, std::string(kTrialPage)};
  const auto& configuration = *trying.configuration;
  const auto profile = configuration.posture_profiles.find(std::string(trying.subject()));
  if (profile == configuration.posture_profiles.end()) {
    GATEHOUSE_TRY(gone(context, browser, trying));
    return reply;
  }
  auto verified =
      GATEHOUSE_TRY(verify(context, browser, transaction, profile->second, configuration, result));
  if (verified.evidence) {
    GATEHOUSE_TRY_VOID(
        finish(context, browser, trying, kSucceeded, "device",
               device_evidence(context, configuration, *verified.evidence, context.now())));
  } else {
    GATEHOUSE_TRY(failed(context, browser, trying, std::move(verified.failure)));
  }
  return reply;
}

// The transaction, when it is of this step.
std::optional<Transaction> opened(const Context& context, const Browser& browser, Step step,
                                  std::string_view sealed) {
  auto transaction = open_transaction(context, browser, step, sealed);
  return transaction ? std::optional(std::move(*transaction)) : std::nullopt;
}

std::expected<std::string, TrialError> subject_of(const Context& context,
                                                  const Configuration& configuration,
                                                  TrialKind kind, std::string_view name) {
  const auto& resources = *configuration.resources;
  if (kind == TrialKind::Login) {
    const auto* method = find_by(resources.identity_providers, name);
    if (method == nullptr) return std::unexpected(TrialError::UnknownLoginMethod);
    if (method->type == kPinType) {
      if (!context.pins.is_set_up()) return std::unexpected(TrialError::PinNotSetUp);
    } else if (!configuration.identity_providers.contains(method->id)) {
      return std::unexpected(TrialError::CannotSignIn);
    }
    return method->id;
  }
  const auto* integration = find_by(resources.posture_integrations, name);
  if (integration == nullptr) return std::unexpected(TrialError::UnknownIntegration);
  if (!configuration.posture_profiles.contains(integration->id))
    return std::unexpected(TrialError::NoExchange);
  return integration->id;
}

json::value instant_or_null(const json::object& document, std::string_view member) {
  const auto* value = json::find(document, member);
  return value == nullptr ? json::value() : *value;
}

}  // namespace

std::string_view to_string(TrialError error) {
  switch (error) {
    case TrialError::NotReady:
      return "nothing has been configured yet";
    case TrialError::StoreUnavailable:
      return "the store is unavailable";
    case TrialError::TooMany:
      return "too many tests are under way: wait until some of them have ended";
    case TrialError::UnknownLoginMethod:
      return "there is no such login method";
    case TrialError::CannotSignIn:
      return "nobody can sign in with a login method of this type";
    case TrialError::PinNotSetUp:
      return "the gateway has no way to send codes: see the setting `smtp`";
    case TrialError::UnknownIntegration:
      return "there is no such device posture integration";
    case TrialError::NoExchange:
      return "this integration asks no browser";
  }
  return "unknown";
}

std::expected<StartedTrial, TrialError> start_trial(Context& context, const std::string& owner,
                                                    TrialKind kind, std::string_view subject) {
  const auto configuration = context.configuration();
  if (!configuration) return std::unexpected(TrialError::NotReady);
  const auto id = GATEHOUSE_TRY(subject_of(context, *configuration, kind, subject));
  const auto now = context.now();
  storage::Trial trial{random_hex(kIdBytes), owner, std::string(kWaiting), now,
                       now + kTrialLifetime, ""};
  trial.document = json::serialize(
      json::object{{"kind", kind == TrialKind::Login ? "login" : "device"}, {"subject", id}});
  const auto added = context.dependencies.store.add_trial(trial, kMaxTrials);
  if (!added) return std::unexpected(TrialError::StoreUnavailable);
  if (!*added) return std::unexpected(TrialError::TooMany);
  return StartedTrial{trial.id,
                      fmt::format("{}{}?ticket={}", configuration->snapshot->issuer(), kTrialPage,
                                  context.dependencies.vault.seal(kTicketPurpose, trial.id)),
                      now + kTrialTicketLifetime};
}

std::expected<std::optional<json::object>, TrialError> find_trial(Context& context,
                                                                  std::string_view owner,
                                                                  std::string_view id) {
  const auto now = context.now();
  const auto row = context.dependencies.store.find_trial(id, now);
  if (!row) return std::unexpected(TrialError::StoreUnavailable);
  if (!*row || (*row)->owner != owner) return std::nullopt;
  const auto& trial = **row;
  const auto parsed = json::parse(trial.document);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const auto& document = parsed->get_object();
  const auto started_at = parse_rfc3339(json::find_string(document, "started_at").value_or(""));
  const bool is_late =
      (trial.state == kWaiting && now >= trial.created_at + kTrialTicketLifetime) ||
      (trial.state == kRunning && started_at && now >= *started_at + model::kSignInLifetime);
  const bool is_login = json::find_string(document, "kind") == "login";
  json::object shown{{"id", trial.id},
                     {"kind", is_login ? "login" : "device"},
                     {is_login ? "identity_provider_id" : "integration_id",
                      json::find_string(document, "subject").value_or("")},
                     {"state", is_late ? "expired" : std::string_view(trial.state)},
                     {"created_at", format_rfc3339(trial.created_at)},
                     {"started_at", instant_or_null(document, "started_at")},
                     {"finished_at", instant_or_null(document, "finished_at")},
                     {"expires_at", format_rfc3339(trial.expires_at)}};
  for (const std::string_view member : {"login", "device", "failure"})
    if (const auto* value = json::find(document, member)) shown[member] = *value;
  if (!is_late) return shown;
  if (trial.state == kWaiting) {
    shown["failure"] = failure_of("not_opened", "the test's URL was not opened in time", "", "");
  } else if (is_login) {
    const auto configuration = context.configuration();
    shown["failure"] = failure_of(
        "not_returned", "the browser did not come back from the provider",
        "The provider's own page may have said why: most often this gateway's callback URL is not "
        "registered there, or the client ID is not known.",
        configuration ? fmt::format("callback URL: {}", callback_url(*configuration)) : "");
  } else {
    shown["failure"] =
        failure_of("not_returned", "the browser did not say what the device answered",
                   "The tab was closed, or the device asked its user something.", "");
  }
  return shown;
}

OutcomeOrFailure open_trial(Context& context, const Browser& browser, std::string_view ticket) {
  const auto id = context.dependencies.vault.open(kTicketPurpose, ticket);
  if (!id) return std::unexpected(Failure{FailureKind::TransactionInvalid, {}});
  auto trying = GATEHOUSE_TRY(load(context, browser, *id));
  const auto now = context.now();
  if (now >= trying.row.created_at + kTrialTicketLifetime)
    return std::unexpected(Failure{FailureKind::TransactionInvalid, {}});
  trying.document["started_at"] = format_rfc3339(now);
  // INVARIANT: a ticket works once, whichever node it comes to.
  if (!GATEHOUSE_TRY(from_store(context.dependencies.store.change_trial(
                                    *id, kWaiting, kRunning, json::serialize(trying.document), now),
                                browser.reference)))
    return std::unexpected(Failure{FailureKind::AlreadyUsed, {}});
  trying.row.state = kRunning;
  if (json::find_string(trying.document, "kind") == "login")
    return start_login(context, browser, trying);
  return Outcome{GoTo{fmt::format("{}?transaction={}", kTrialPage,
                                  seal_step(context, browser, trying, step_of(Step::TrialDevice))),
                      std::nullopt},
                 std::nullopt};
}

std::expected<AskDevice, Failure> show_trial_device(Context& context, const Browser& browser,
                                                    std::string_view sealed) {
  auto begun = GATEHOUSE_TRY(open_transaction(context, browser, Step::TrialDevice, sealed));
  const auto [step, trying] = GATEHOUSE_TRY(resume(context, browser, std::move(begun)));
  const auto& configuration = *trying.configuration;
  const auto profile = configuration.posture_profiles.find(std::string(trying.subject()));
  const auto* integration =
      find_by(configuration.resources->posture_integrations, trying.subject());
  if (profile == configuration.posture_profiles.end() || integration == nullptr)
    return std::unexpected(Failure{FailureKind::TransactionInvalid, {}});
  Transaction next = step_of(Step::TrialExchange);
  next.nonce = random_base64url(32);
  AskDevice page;
  page.application = integration->name;
  page.exchange =
      posture::exchange_instructions(profile->second, next.nonce, configuration.snapshot->issuer());
  page.transaction = seal_step(context, browser, trying, std::move(next));
  page.origins = profile->second.candidates;
  return page;
}

std::optional<OutcomeOrFailure> return_to_trial(Context& context, const Browser& browser,
                                                std::string_view state, std::string_view query) {
  const auto transaction = opened(context, browser, Step::TrialCallback, state);
  if (!transaction) return std::nullopt;
  return finish_callback(context, browser, *transaction, query);
}

std::optional<OutcomeOrFailure> request_trial_pin(Context& context, const Browser& browser,
                                                  std::string_view sealed,
                                                  std::string_view address) {
  // `Send a new code` posts the transaction of the page that asks for one.
  auto transaction = opened(context, browser, Step::TrialPinAddress, sealed);
  if (!transaction) transaction = opened(context, browser, Step::TrialPinCode, sealed);
  if (!transaction) return std::nullopt;
  return send_pin(context, browser, *transaction, sealed, address);
}

std::optional<OutcomeOrFailure> verify_trial_pin(Context& context, const Browser& browser,
                                                 std::string_view sealed, std::string_view code) {
  const auto transaction = opened(context, browser, Step::TrialPinCode, sealed);
  if (!transaction) return std::nullopt;
  return check_pin(context, browser, *transaction, sealed, code);
}

std::optional<std::expected<PostureReply, Failure>> receive_trial_result(
    Context& context, const Browser& browser, const PostureResult& result) {
  const auto transaction = opened(context, browser, Step::TrialExchange, result.transaction);
  if (!transaction) return std::nullopt;
  return finish_exchange(context, browser, *transaction, result);
}

}  // namespace gatehouse::controlplane
