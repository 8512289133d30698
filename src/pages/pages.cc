#include "pages/pages.h"

#include <algorithm>
#include <kainjow/mustache.hpp>

#include "base/check.h"
#include "base/json.h"
#include "pages/assets.h"

namespace gatehouse::pages {
namespace {

using kainjow::mustache::data;
using kainjow::mustache::list;
using kainjow::mustache::mustache;

std::string owned(std::string_view text) { return std::string(text); }

// An absent key, unlike an empty text, hides its section.
void set_if_given(data& values, const std::string& key, const std::string& value) {
  if (!value.empty()) values.set(key, value);
}

// Where a link or form may lead. Escaping does not stop `javascript:`.
std::string safe_url(const std::string& url) {
  const bool clean = std::ranges::all_of(
      url, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != '\\' && c != 0x7f; });
  const bool path = url.starts_with('/') && !url.starts_with("//");
  return clean && (path || url.starts_with("https://") || url.starts_with("http://"))
             ? url
             : std::string();
}

std::string render(std::string_view page, const Branding& branding, std::string_view title,
                   data& values) {
  values.set("head", owned(kHeadTemplate));
  values.set("foot", owned(kFootTemplate));
  values.set("page_title", owned(title));
  values.set("organization", branding.organization.empty() ? "Gatehouse" : branding.organization);
  values.set("stylesheet_version", owned(kStylesheetVersion));
  mustache tmpl{owned(page)};
  std::string html = tmpl.render(values);
  GATEHOUSE_CHECK(tmpl.is_valid(), "the templates are part of the program");
  return html;
}

std::string_view retry_label(decision::Remedy remedy) {
  switch (remedy) {
    case decision::Remedy::SignIn:
      return "Sign in";
    case decision::Remedy::UseAnotherLoginMethod:
      return "Choose another login method";
    case decision::Remedy::StatePurpose:
      return "Say why";
    case decision::Remedy::CheckDevice:
    case decision::Remedy::RepairDevice:
    case decision::Remedy::ChangeBrowser:
      return "Check again";
    case decision::Remedy::PresentCertificate:
    case decision::Remedy::None:
    case decision::Remedy::AskForAccess:
    case decision::Remedy::RetryLater:
    case decision::Remedy::GiveUp:
      break;
  }
  return "Try again";
}

// scheme://host[:port] of a base URL, or nothing where CSP could not match it or would be broken by
// it: CSP knows the address 127.0.0.1 and names, no IPv6 literals (CSP Level 3 6.7.2.8).
std::string origin_of(std::string_view url) {
  const auto scheme = url.starts_with("https://") ? 8U : url.starts_with("http://") ? 7U : 0U;
  if (scheme == 0) return {};
  const std::string_view authority = url.substr(scheme, url.find_first_of("/?#", scheme) - scheme);
  const bool plain = std::ranges::all_of(authority, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == ':';
  });
  if (authority.empty() || !plain) return {};
  return owned(url.substr(0, scheme)) + owned(authority);
}

}  // namespace

std::string refusal_page(const Branding& branding, const Refusal& refusal) {
  const auto& info = decision::info(refusal.reason);
  const std::string retry_url = safe_url(refusal.retry_url);
  const std::string sign_out_url = safe_url(refusal.sign_out_url);
  data values;
  values.set("title", owned(info.title));
  values.set("advice", owned(info.advice));
  values.set("code", owned(info.code));
  values.set("retry_label", owned(retry_label(info.remedy)));
  values.set("has_actions", !retry_url.empty() || !sign_out_url.empty());
  values.set("is_about_account", info.remedy == decision::Remedy::AskForAccess);
  set_if_given(values, "application", refusal.application);
  set_if_given(values, "email", refusal.email);
  set_if_given(values, "detail", refusal.detail);
  set_if_given(values, "reference", refusal.reference);
  set_if_given(values, "retry_url", retry_url);
  set_if_given(values, "sign_out_url", sign_out_url);
  return render(kRefusalTemplate, branding, info.title, values);
}

std::string refusal_json(const Refusal& refusal, std::string_view login_url) {
  const auto& info = decision::info(refusal.reason);
  std::string message = owned(info.title) + ". " + owned(info.advice);
  if (!refusal.detail.empty()) message += " " + refusal.detail;
  json::object body{{"error", "access_denied"},
                    {"reason", info.code},
                    {"remedy", decision::to_string(info.remedy)},
                    {"message", message},
                    {"reference", refusal.reference}};
  if (!login_url.empty()) body["login_url"] = login_url;
  return json::serialize(body);
}

RefusalKind refusal_kind(decision::Reason reason) {
  using decision::Reason;
  switch (reason) {
    case Reason::IdentityAttributeMissing:
    case Reason::IdentityNotPermitted:
    case Reason::EvaluationRefused:
    case Reason::BlockedByPolicy:
    case Reason::NoPolicyMatched:
      return RefusalKind::Identity;
    case Reason::PostureMissing:
    case Reason::PostureStale:
    case Reason::PostureUnreadable:
    case Reason::PostureNotManaged:
    case Reason::PostureCheckinTooOld:
    case Reason::PostureCheckinUnknown:
    case Reason::PostureNotPatched:
    case Reason::PostureVulnerable:
    case Reason::PostureSignalMissing:
    case Reason::CertificateRequired:
    case Reason::CertificateInvalid:
    case Reason::CertificateNotPermitted:
    case Reason::ServiceTokenNotPermitted:
    case Reason::CountryUnknown:
    case Reason::CountryNotPermitted:
    case Reason::NetworkNotPermitted:
    case Reason::AgentUnreachable:
    case Reason::PermissionDenied:
    case Reason::BrowserUnsupported:
    case Reason::PostureTokenInvalid:
    case Reason::PostureTokenExpired:
    case Reason::PostureTokenReplayed:
    case Reason::PostureNonceMismatch:
    case Reason::DeviceRevoked:
      return RefusalKind::NonIdentity;
    default:
      return RefusalKind::Other;
  }
}

std::string chooser_page(const Branding& branding, const Chooser& chooser) {
  list methods;
  for (const auto& method : chooser.methods) {
    data item;
    item.set("id", method.id);
    item.set("name", method.name);
    if (method.type == "onetimepin") item.set("hint", "A code by e-mail");
    methods.push_back(item);
  }
  data values;
  values.set("methods", data{methods});
  values.set("action", safe_url(chooser.action));
  values.set("transaction", chooser.transaction);
  set_if_given(values, "application", chooser.application);
  set_if_given(values, "notice", chooser.notice);
  return render(kChooserTemplate, branding, "Sign in", values);
}

std::string pin_request_page(const Branding& branding, const PinRequest& page) {
  data values;
  values.set("action", safe_url(page.action));
  values.set("transaction", page.transaction);
  values.set("email", page.email);
  set_if_given(values, "application", page.application);
  set_if_given(values, "error", page.error);
  return render(kPinRequestTemplate, branding, "Sign in with a code", values);
}

std::string pin_entry_page(const Branding& branding, const PinEntry& page) {
  data values;
  values.set("action", safe_url(page.action));
  values.set("transaction", page.transaction);
  values.set("email", page.email);
  set_if_given(values, "application", page.application);
  set_if_given(values, "error", page.error);
  set_if_given(values, "resend_action", safe_url(page.resend_action));
  return render(kPinEntryTemplate, branding, "Enter your code", values);
}

std::string purpose_page(const Branding& branding, const PurposeQuestion& page) {
  data values;
  values.set("action", safe_url(page.action));
  values.set("transaction", page.transaction);
  values.set("text", page.text);
  set_if_given(values, "application", page.application);
  set_if_given(values, "prompt", page.prompt);
  set_if_given(values, "error", page.error);
  return render(kPurposeTemplate, branding, "Say why you need it", values);
}

std::string posture_page(const Branding& branding, const PostureCheck& page) {
  data values;
  values.set("instructions", page.instructions);
  values.set("script_version", owned(kPostureScriptVersion));
  set_if_given(values, "application", page.application);
  return render(kPostureTemplate, branding, "Checking this device", values);
}

std::string message_page(const Branding& branding, const Message& message) {
  data values;
  values.set("title", message.title);
  values.set("text", message.text);
  values.set("link_text", message.link_text.empty() ? "Go on" : message.link_text);
  set_if_given(values, "link_url", safe_url(message.link_url));
  set_if_given(values, "reference", message.reference);
  return render(kMessageTemplate, branding, message.title, values);
}

std::string home_page(const Branding& branding, const Home& home) {
  list applications;
  for (const auto& application : home.applications) {
    const auto& info = decision::info(application.obstacle);
    data item;
    item.set("name", application.name);
    // Absent keys are looked up in the page's own values, so these are set either way.
    const std::string url = safe_url(application.url);
    item.set("url", url.empty() ? data{false} : data{url});
    std::string obstacle;
    if (application.obstacle == decision::Reason::EvaluationMissing ||
        application.obstacle == decision::Reason::EvaluationStale)
      obstacle = "Your account is checked first.";
    else if (info.remedy == decision::Remedy::CheckDevice)
      obstacle = "Your device is checked first.";
    else if (info.remedy == decision::Remedy::StatePurpose)
      obstacle = "You are asked for a reason first.";
    else if (application.obstacle != decision::Reason::None)
      obstacle = owned(info.title) + ". " + owned(info.advice);
    item.set("obstacle", obstacle.empty() ? data{false} : data{obstacle});
    applications.push_back(item);
  }
  data values;
  values.set("has_applications", !applications.empty());
  values.set("applications", data{applications});
  values.set("sign_out_url", safe_url(home.sign_out_url));
  set_if_given(values, "email", home.email);
  return render(kHomeTemplate, branding, "Applications", values);
}

std::string_view stylesheet() { return kStylesheet; }
std::string_view posture_script() { return kPostureScript; }

std::string content_security_policy(const std::vector<std::string>& connect) {
  // No form-action: Chromium applies it to the redirects after a form as well, and those lead to
  // identity providers and applications. Forms are ours alone, every value in them is escaped.
  std::string policy =
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
      "base-uri 'none'; frame-ancestors 'none'; connect-src 'self'";
  for (const auto& url : connect) {
    const std::string origin = origin_of(url);
    if (!origin.empty()) policy += " " + origin;
  }
  return policy;
}

std::string_view custom_page_policy() {
  return "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; "
         "font-src https: data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
}

}  // namespace gatehouse::pages
