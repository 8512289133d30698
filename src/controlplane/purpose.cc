#include "controlplane/purpose.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/audit.h"
#include "controlplane/session.h"
#include "controlplane/sign_in.h"
#include "controlplane/transaction.h"
#include "model/limits.h"

namespace gatehouse::controlplane {
namespace {

// C0, DEL and C1. `text` is UTF-8.
bool has_control_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0)
      return true;
  }
  return false;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// The policy that wants to know; null: none does. Behind a client certificate, which only the
// application's host sees, it is the first that may ask.
const decision::CompiledPolicy* asking_policy(const Journey& journey, const model::Session& session,
                                              const decision::Decision& decision) {
  if (decision.challenge == decision::Challenge::Purpose) return decision.policy;
  const auto& application = *journey.application;
  const bool stated = std::ranges::find(session.purposes, application.audience,
                                        &model::Purpose::audience) != session.purposes.end();
  if (stated || !waits_for_certificate(journey, decision)) return nullptr;
  const auto asks = std::ranges::find_if(application.policies, [](const auto& policy) {
    return policy.action == model::Action::Allow && policy.purpose_justification_required;
  });
  return asks == application.policies.end() ? nullptr : &*asks;
}

Outcome question(const Context& context, const Browser& browser, const Journey& journey,
                 const model::Session& session, const decision::CompiledPolicy& policy,
                 std::string_view text, InputError error) {
  auto transaction = to_transaction(journey, Step::Purpose);
  transaction.session = session.nonce;
  return {AskPurpose{journey.application->name,
                     seal_transaction(context, browser, transaction, model::kSignInLifetime),
                     policy.purpose_justification_prompt, std::string(text), error},
          std::nullopt};
}

}  // namespace

std::expected<std::string, InputError> read_purpose(std::string_view text) {
  if (!is_valid_utf8(text)) return std::unexpected(InputError::PurposeForm);
  std::string plain(text);
  std::ranges::replace_if(plain, [](char c) { return c == '\r' || c == '\n' || c == '\t'; }, ' ');
  const auto trimmed = trim(plain);
  if (has_control_characters(trimmed)) return std::unexpected(InputError::PurposeForm);
  if (trimmed.empty()) return std::unexpected(InputError::PurposeMissing);
  if (characters(trimmed) > kMaxPurposeCharacters)
    return std::unexpected(InputError::PurposeTooLong);
  return std::string(trimmed);
}

OutcomeOrFailure ask_purpose(Context& context, const Browser& browser, const LoginQuery& query) {
  const auto journey = GATEHOUSE_TRY(begin_journey(context, query));
  if (journey.app_session.empty())
    return Outcome{GoTo{application_url(context, journey), std::nullopt}, std::nullopt};
  const auto sessions = GATEHOUSE_TRY(live_sessions(context, browser));
  const auto* session = usable_session(sessions, *journey.application);
  if (session == nullptr) return Outcome{GoTo{login_url(journey), std::nullopt}, std::nullopt};
  const auto decision = decide(context, browser, journey, *session);
  const auto* policy = asking_policy(journey, *session, decision);
  if (policy == nullptr) return proceed(context, browser, journey, *session);
  return question(context, browser, journey, *session, *policy, "", InputError::None);
}

OutcomeOrFailure state_purpose(Context& context, const Browser& browser, std::string_view sealed,
                               std::string_view text) {
  const auto transaction = GATEHOUSE_TRY(open_transaction(context, browser, Step::Purpose, sealed));
  const auto journey = GATEHOUSE_TRY(resume_journey(context, transaction));
  auto session = GATEHOUSE_TRY(
      from_store(context.sessions.load(transaction.session, context.now()), browser.reference));
  if (!session) return Outcome{GoTo{login_url(journey), std::nullopt}, std::nullopt};
  const auto decision = decide(context, browser, journey, *session);
  const auto* policy = asking_policy(journey, *session, decision);
  if (policy == nullptr) return proceed(context, browser, journey, *session);
  const auto purpose = read_purpose(text);
  if (!purpose) {
    // What was written is given back, unless it cannot be shown as it is.
    const bool shown = purpose.error() == InputError::PurposeTooLong;
    return question(context, browser, journey, *session, *policy, shown ? text : "",
                    purpose.error());
  }
  const model::Purpose stated{journey.application->audience, *purpose, context.now()};
  auto changed = GATEHOUSE_TRY(
      from_store(context.sessions.change(session->nonce, context.now(),
                                         [&](model::Session& current) {
                                           std::erase_if(current.purposes, [&](const auto& other) {
                                             return other.audience == stated.audience;
                                           });
                                           current.purposes.push_back(stated);
                                         }),
                 browser.reference));
  if (!changed) return Outcome{GoTo{login_url(journey), std::nullopt}, std::nullopt};
  spdlog::info("purpose_stated user={} application={} reference={}", changed->identity.user_id,
               journey.application->id, browser.reference);
  audit(context, browser,
        {audit_event::kPurposeStated, changed->identity.email, journey.application->id, "",
         json::object{{"text", *purpose}, {"policy", policy->id}}});
  return proceed(context, browser, journey, *changed);
}

}  // namespace gatehouse::controlplane
