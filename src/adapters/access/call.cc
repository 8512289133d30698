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

int status_of(FailureKind kind) {
  switch (kind) {
    case FailureKind::UnknownApplication:
    case FailureKind::RedirectRefused:
    case FailureKind::TransactionInvalid:
    case FailureKind::AlreadyUsed:
    case FailureKind::MethodUnavailable:
      return 400;
    case FailureKind::NotSignedIn:
      return 401;
    case FailureKind::ProviderRefused:
    case FailureKind::IdentityIncomplete:
      return 403;
    case FailureKind::TooManyRequests:
      return 429;
    case FailureKind::ProviderUnreachable:
    case FailureKind::ProviderMisbehaved:
      return 502;
    case FailureKind::NotReady:
    case FailureKind::StoreUnavailable:
    case FailureKind::PinNotSetUp:
      return 503;
  }
  return 500;
}

std::string text_of(Notice notice, pages::Language language) {
  switch (notice) {
    case Notice::None:
      break;
    case Notice::OtherMethodNeeded:
      return pages::text(language, "notice.other_method_needed");
    case Notice::SignInAgain:
      return pages::text(language, "notice.sign_in_again");
    case Notice::NeverCameBack:
      return pages::text(language, "notice.never_came_back");
    case Notice::InCircles:
      return pages::text(language, "notice.in_circles");
  }
  return "";
}

std::string text_of(InputError error, pages::Language language) {
  switch (error) {
    case InputError::None:
      break;
    case InputError::Address:
      return pages::text(language, "input.address");
    case InputError::CodeForm:
      return pages::text(language, "input.code_form");
    case InputError::CodeWrong:
      return pages::text(language, "input.code_wrong");
    case InputError::CodeExpired:
      return pages::text(language, "input.code_expired");
    case InputError::TooManyTries:
      return pages::text(language, "input.too_many_tries");
    case InputError::PurposeMissing:
      return pages::text(language, "input.purpose_missing");
    case InputError::PurposeTooLong:
      return pages::text(language, "input.purpose_too_long");
    case InputError::PurposeForm:
      return pages::text(language, "input.purpose_form");
  }
  return "";
}

int status_of(InputError error) { return error == InputError::None ? 200 : 400; }

class NextResponse {
 public:
  explicit NextResponse(const Call& call) : call_(call), branding_(call.branding()) {}

  net::HttpResponse operator()(const controlplane::GoTo& target) const {
    return redirect_response(call_.request, target.url);
  }
  net::HttpResponse operator()(const controlplane::ChooseMethod& choice) const {
    pages::Chooser page;
    page.application = choice.application;
    page.action = "/cdn-cgi/access/login/" + choice.host;
    page.transaction = choice.transaction;
    page.notice = text_of(choice.notice, branding_.language);
    for (const auto& method : choice.methods)
      page.methods.push_back({method.id, method.name, method.type});
    return page_response(branding_, 200, pages::chooser_page(branding_, page), PageKind::Form);
  }
  net::HttpResponse operator()(const controlplane::AskAddress& question) const {
    pages::PinRequest page;
    page.application = question.application;
    page.action = "/cdn-cgi/access/pin/request";
    page.transaction = question.transaction;
    page.email = question.email;
    page.error = text_of(question.error, branding_.language);
    return page_response(branding_, status_of(question.error),
                         pages::pin_request_page(branding_, page), PageKind::Form);
  }
  net::HttpResponse operator()(const controlplane::AskCode& question) const {
    pages::PinEntry page;
    page.application = question.application;
    page.action = "/cdn-cgi/access/pin/verify";
    page.resend_action = "/cdn-cgi/access/pin/request";
    page.transaction = question.transaction;
    page.email = question.email;
    page.error = text_of(question.error, branding_.language);
    return page_response(branding_, status_of(question.error),
                         pages::pin_entry_page(branding_, page), PageKind::Form);
  }
  net::HttpResponse operator()(const controlplane::AskPurpose& question) const {
    pages::PurposeQuestion page;
    page.application = question.application;
    page.action = "/cdn-cgi/access/purpose";
    page.transaction = question.transaction;
    page.prompt = question.prompt;
    page.text = question.text;
    page.error = text_of(question.error, branding_.language);
    return page_response(branding_, status_of(question.error), pages::purpose_page(branding_, page),
                         PageKind::Form);
  }

 private:
  const Call& call_;
  pages::Branding branding_;
};

}  // namespace

std::string Call::organization() const {
  const auto configuration = context.configuration();
  return configuration ? configuration->snapshot->organization_name() : "Gatehouse";
}

pages::Language Call::language() const {
  return pages::choose_language(request.header("Accept-Language").value_or(""));
}

pages::Branding Call::branding() const {
  pages::Branding branding{organization(), language()};
  if (const auto configuration = context.configuration())
    branding.design = configuration->snapshot->login_design();
  return branding;
}

net::HttpResponse page_response(const pages::Branding& branding, int status, std::string html,
                                PageKind kind, const std::vector<std::string>& connect,
                                std::vector<std::string> images) {
  images.insert(images.begin(), branding.design.logo_path);
  auto response = html_response(status, std::move(html), kind, connect, images);
  response.headers.emplace_back("Content-Language", pages::tag(branding.language));
  response.headers.emplace_back("Vary", "Accept-Language");
  return response;
}

net::HttpResponse message_response(const Call& call, int status, std::string title,
                                   std::string text, std::string link_url, std::string link_text,
                                   std::vector<pages::MessageLink> more_links) {
  pages::Message message;
  message.title = std::move(title);
  message.text = std::move(text);
  message.link_url = std::move(link_url);
  message.link_text = std::move(link_text);
  message.more_links = std::move(more_links);
  message.reference = status >= 400 ? call.browser.reference : "";
  const auto branding = call.branding();
  return page_response(branding, status, pages::message_page(branding, message));
}

net::HttpResponse text_response(const Call& call, int status, std::string_view key,
                                std::string link_url, std::string_view link_key) {
  const auto language = call.language();
  const std::string prefix(key);
  return message_response(call, status, pages::text(language, prefix + ".title"),
                          pages::text(language, prefix + ".text"), std::move(link_url),
                          pages::text(language, link_key));
}

net::HttpResponse failure_response(const Call& call, const controlplane::Failure& failure) {
  const auto key = "failure." + std::string(controlplane::to_string(failure.kind));
  const bool is_said = pages::has_text(call.language(), key + ".title");
  return text_response(call, status_of(failure.kind), is_said ? key : "failure.other",
                       failure.retry_url, "action.try_again");
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
