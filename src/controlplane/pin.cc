#include "controlplane/pin.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/audit.h"
#include "controlplane/sign_in.h"
#include "controlplane/transaction.h"
#include "decision/engine.h"
#include "model/limits.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

// The digits of what was typed or pasted: `123 456` and `123-456` are the same code.
std::string digits_of(std::string_view typed) {
  std::string digits;
  for (const char c : trim(typed))
    if (c != ' ' && c != '-') digits.push_back(c);
  return digits;
}

bool is_code(std::string_view text) {
  return text.size() == kPinDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The transaction of a step of this method, for an application that still permits it.
std::expected<std::pair<Transaction, Journey>, Failure> resume(Context& context,
                                                               const Browser& browser, Step step,
                                                               std::string_view sealed) {
  auto transaction = GATEHOUSE_TRY(open_transaction(context, browser, step, sealed));
  auto journey = GATEHOUSE_TRY(resume_journey(context, transaction));
  const auto methods = login_methods(journey);
  if (std::none_of(methods.begin(), methods.end(), [&](const LoginMethod& method) {
        return method.id == transaction.method && method.type == "onetimepin";
      }))
    return std::unexpected(
        Failure{FailureKind::MethodUnavailable, application_url(context, journey)});
  return std::pair{std::move(transaction), std::move(journey)};
}

InputError input_error(storage::PinOutcome outcome) {
  switch (outcome) {
    case storage::PinOutcome::Expired:
      return InputError::CodeExpired;
    case storage::PinOutcome::TooManyAttempts:
      return InputError::TooManyTries;
    case storage::PinOutcome::Accepted:
    case storage::PinOutcome::Wrong:
    case storage::PinOutcome::Unknown:
      break;
  }
  return InputError::CodeWrong;
}

std::string_view code_of(InputError error) {
  switch (error) {
    case InputError::CodeExpired:
      return "pin_expired";
    case InputError::TooManyTries:
      return "pin_too_many_tries";
    default:
      return "pin_wrong";
  }
}

}  // namespace

OutcomeOrFailure start_pin(Context& context, const Browser& browser, const Journey& journey,
                           std::string_view method) {
  if (!context.pins.is_set_up())
    return std::unexpected(Failure{FailureKind::PinNotSetUp, application_url(context, journey)});
  auto transaction = to_transaction(journey, Step::PinAddress);
  transaction.method = method;
  return Outcome{AskAddress{journey.application->name,
                            seal_transaction(context, browser, transaction, model::kSignInLifetime),
                            "", InputError::None},
                 std::nullopt};
}

OutcomeOrFailure request_pin(Context& context, const Browser& browser, std::string_view sealed,
                             std::string_view address) {
  // `Send a new code` on the page that asks for one posts that page's transaction.
  auto resumed = resume(context, browser, Step::PinAddress, sealed);
  if (!resumed) resumed = resume(context, browser, Step::PinCode, sealed);
  const auto [transaction, journey] = GATEHOUSE_TRY(std::move(resumed));
  if (!context.pins.is_set_up())
    return std::unexpected(Failure{FailureKind::PinNotSetUp, application_url(context, journey)});
  const auto email = model::canonical_email(trim(address));
  if (!email) {
    return Outcome{
        AskAddress{journey.application->name, std::string(sealed),
                   std::string(address.substr(0, model::kMaxEmailBytes)), InputError::Address},
        std::nullopt};
  }
  const auto browser_hash = context.browser_hash(browser);
  if (!context.pins.admit(limiter_key(browser.address), browser_hash, context.now())) {
    spdlog::warn("pin_limited reference={}", browser.reference);
    return std::unexpected(
        Failure{FailureKind::TooManyRequests, application_url(context, journey)});
  }

  auto next = to_transaction(journey, Step::PinCode);
  next.method = transaction.method;
  next.nonce = random_base64url(16);
  next.email = *email;
  PinDesk::Order order{next.nonce, *email, browser_hash, {}};
  order.could_admit = [configuration = journey.configuration, application = journey.application,
                       address = *email, method = transaction.method,
                       clock = context.dependencies.clock] {
    model::Session identity_only;
    identity_only.identity.email = address;
    identity_only.identity.login_method = method;
    identity_only.created_at = clock();
    identity_only.expires_at = identity_only.created_at + model::kPinLifetime;
    return decision::could_admit(*configuration->snapshot, *application, identity_only,
                                 identity_only.created_at);
  };
  context.pins.place(std::move(order));
  return Outcome{AskCode{journey.application->name,
                         seal_transaction(context, browser, next, model::kPinLifetime), *email,
                         InputError::None},
                 std::nullopt};
}

std::expected<InputError, Failure> try_pin(Context& context, const Browser& browser,
                                           std::string_view pin, std::string_view typed) {
  const std::string digits = digits_of(typed);
  if (!is_code(digits)) return InputError::CodeForm;  // cannot be right: costs no try
  const auto outcome = GATEHOUSE_TRY(from_store(
      context.dependencies.store.try_pin(pin, context.browser_hash(browser),
                                         pin_code_hash(context.dependencies.vault, pin, digits),
                                         context.now()),
      browser.reference));
  return outcome == storage::PinOutcome::Accepted ? InputError::None : input_error(outcome);
}

OutcomeOrFailure verify_pin(Context& context, const Browser& browser, std::string_view sealed,
                            std::string_view code) {
  auto [transaction, journey] = GATEHOUSE_TRY(resume(context, browser, Step::PinCode, sealed));
  const auto ask_again = [&](InputError error) {
    return Outcome{
        AskCode{journey.application->name, std::string(sealed), transaction.email, error},
        std::nullopt};
  };
  const auto error = GATEHOUSE_TRY(try_pin(context, browser, transaction.nonce, code));
  if (error == InputError::CodeForm) return ask_again(error);
  if (error != InputError::None) {
    spdlog::warn("sign_in_failed code={} method={} application={} reference={}", code_of(error),
                 transaction.method, journey.application->id, browser.reference);
    audit(context, browser,
          {audit_event::kSignInFailed, transaction.email, journey.application->id, code_of(error),
           attempt_details(context, *journey.configuration, browser, *journey.application,
                           transaction.method)});
    return ask_again(error);
  }
  model::Identity identity;
  identity.email = transaction.email;
  identity.login_method = transaction.method;
  identity.subject = transaction.email;
  return complete_sign_in(context, browser, journey, std::move(identity));
}

PinDelivery deliver_by_mail(std::shared_ptr<const net::Mailer> mailer, std::string organization) {
  return [mailer = std::move(mailer), organization = std::move(organization)](
             const std::string& email, const std::string& code) {
    net::Mail mail;
    mail.to = email;
    mail.subject = fmt::format("Your code for {}", organization);
    mail.text = fmt::format(
        "Your code for signing in to {} is\n\n    {}\n\nIt can be used once, within ten minutes, "
        "in "
        "the browser that asked for it.\nIf you did not ask for it, you need not do anything; do "
        "not pass it on.\n",
        organization, code);
    if (const auto sent = mailer->send(mail); !sent)
      spdlog::error("pin_mail_failed message=\"{}\"", sent.error().message);
    else
      spdlog::info("pin_mail_sent");
  };
}

}  // namespace gatehouse::controlplane
