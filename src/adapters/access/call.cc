#include "adapters/access/call.h"

#include <fmt/format.h>

#include <utility>

#include "adapters/access/responses.h"
#include "base/time.h"
#include "pages/pages.h"

namespace gatehouse::adapters {
namespace {

using controlplane::FailureKind;
using controlplane::InputError;
using controlplane::Notice;

struct FailureText {
  int status;
  std::string_view title;
  std::string_view text;
};

FailureText text_of(FailureKind kind) {
  switch (kind) {
    case FailureKind::NotReady:
      return {503, "Not set up yet", "This gateway has no configuration yet."};
    case FailureKind::StoreUnavailable:
      return {503, "Something is wrong here", "Please try again in a moment."};
    case FailureKind::UnknownApplication:
      return {400, "Unknown application",
              "The link does not belong to an application of this gateway. Open the application "
              "itself instead."};
    case FailureKind::RedirectRefused:
      return {
          400, "The link is broken",
          "It leads to a place that is not part of the application. Open the application itself "
          "instead."};
    case FailureKind::TransactionInvalid:
      return {
          400, "This sign-in is no longer valid",
          "It was begun too long ago or in another browser. Open the application to begin again."};
    case FailureKind::AlreadyUsed:
      return {400, "This sign-in is already over",
              "Each step works once. Open the application to begin again."};
    case FailureKind::MethodUnavailable:
      return {400, "This way to sign in is not available",
              "The application does not offer it. Open the application to begin again."};
    case FailureKind::PinNotSetUp:
      return {503, "Sign-in by code is not set up",
              "This gateway cannot send codes yet. Please tell your administrator."};
    case FailureKind::TooManyRequests:
      return {429, "Too many codes",
              "Too many codes were asked for from here. Please wait ten minutes."};
    case FailureKind::ProviderUnreachable:
      return {502, "The login service does not answer", "Please try again in a moment."};
    case FailureKind::ProviderMisbehaved:
      return {502, "The login service gave an unusable answer",
              "Please try again. If it stays like this, tell your administrator the reference."};
    case FailureKind::ProviderRefused:
      return {403, "The login service did not sign you in",
              "It refused or you cancelled. You can try again."};
    case FailureKind::IdentityIncomplete:
      return {403, "Your e-mail address is missing",
              "The login service did not name a verified e-mail address for you."};
    case FailureKind::NotSignedIn:
      return {401, "You are not signed in", "Please sign in first."};
  }
  return {500, "Something is wrong here", ""};
}

std::string text_of(Notice notice) {
  switch (notice) {
    case Notice::None:
      break;
    case Notice::OtherMethodNeeded:
      return "This application asks for another way to sign in than the one you used.";
    case Notice::SignInAgain:
      return "This application asks you to sign in again.";
  }
  return "";
}

std::string text_of(InputError error) {
  switch (error) {
    case InputError::None:
      break;
    case InputError::Address:
      return "This is not an e-mail address.";
    case InputError::CodeForm:
      return "The code has six digits.";
    case InputError::CodeWrong:
      return "This is not the code. Check the newest mail.";
    case InputError::CodeExpired:
      return "This code is too old. Ask for a new one.";
    case InputError::TooManyTries:
      return "Too many tries. Ask for a new code.";
    case InputError::PurposeMissing:
      return "Write why you need the application.";
    case InputError::PurposeTooLong:
      return "Use at most 500 characters.";
    case InputError::PurposeForm:
      return "Use plain text.";
  }
  return "";
}

int status_of(InputError error) { return error == InputError::None ? 200 : 400; }

class NextResponse {
 public:
  explicit NextResponse(const Call& call) : call_(call) {}

  net::HttpResponse operator()(const controlplane::GoTo& target) const {
    return redirect_response(call_.request, target.url);
  }
  net::HttpResponse operator()(const controlplane::ChooseMethod& choice) const {
    pages::Chooser page;
    page.application = choice.application;
    page.action = "/cdn-cgi/access/login/" + choice.host;
    page.transaction = choice.transaction;
    page.notice = text_of(choice.notice);
    for (const auto& method : choice.methods)
      page.methods.push_back({method.id, method.name, method.type});
    return html_response(200, pages::chooser_page(branding(), page), PageKind::Form);
  }
  net::HttpResponse operator()(const controlplane::AskAddress& question) const {
    pages::PinRequest page;
    page.application = question.application;
    page.action = "/cdn-cgi/access/pin/request";
    page.transaction = question.transaction;
    page.email = question.email;
    page.error = text_of(question.error);
    return html_response(status_of(question.error), pages::pin_request_page(branding(), page),
                         PageKind::Form);
  }
  net::HttpResponse operator()(const controlplane::AskCode& question) const {
    pages::PinEntry page;
    page.application = question.application;
    page.action = "/cdn-cgi/access/pin/verify";
    page.resend_action = "/cdn-cgi/access/pin/request";
    page.transaction = question.transaction;
    page.email = question.email;
    page.error = text_of(question.error);
    return html_response(status_of(question.error), pages::pin_entry_page(branding(), page),
                         PageKind::Form);
  }
  net::HttpResponse operator()(const controlplane::AskPurpose& question) const {
    pages::PurposeQuestion page;
    page.application = question.application;
    page.action = "/cdn-cgi/access/purpose";
    page.transaction = question.transaction;
    page.prompt = question.prompt;
    page.text = question.text;
    page.error = text_of(question.error);
    return html_response(status_of(question.error), pages::purpose_page(branding(), page),
                         PageKind::Form);
  }

 private:
  [[nodiscard]] pages::Branding branding() const { return {call_.organization()}; }
  const Call& call_;
};

}  // namespace

std::string Call::organization() const {
  const auto configuration = context.configuration();
  return configuration ? configuration->snapshot->organization_name() : "Gatehouse";
}

net::HttpResponse message_response(const Call& call, int status, std::string title,
                                   std::string text, std::string link_url, std::string link_text) {
  pages::Message message;
  message.title = std::move(title);
  message.text = std::move(text);
  message.link_url = std::move(link_url);
  message.link_text = std::move(link_text);
  message.reference = status >= 400 ? call.browser.reference : "";
  return html_response(status, pages::message_page({call.organization()}, message));
}

net::HttpResponse failure_response(const Call& call, const controlplane::Failure& failure) {
  const auto [status, title, text] = text_of(failure.kind);
  return message_response(call, status, std::string(title), std::string(text), failure.retry_url,
                          failure.retry_url.empty() ? "" : "Try again");
}

net::HttpResponse outcome_response(const Call& call,
                                   const controlplane::OutcomeOrFailure& outcome) {
  if (!outcome) return failure_response(call, outcome.error());
  auto response = std::visit(NextResponse(call), outcome->next);
  if (outcome->session)
    set_cookie(response, {kTokenCookie, outcome->session->token,
                          outcome->session->expires_at - call.context.now(), "None"});
  return response;
}

void set_browser_cookie(const Call& call, net::HttpResponse& response) {
  set_cookie(response, {kBrowserCookie, call.browser.secret, kBrowserCookieLifetime, "Lax"});
}

}  // namespace gatehouse::adapters
