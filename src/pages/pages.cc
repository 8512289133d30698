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
  const auto& design = branding.design;
  values.set("head", localize(kHeadTemplate, branding.language));
  values.set("foot", localize(kFootTemplate, branding.language));
  values.set("page_title", owned(title));
  values.set("language", owned(tag(branding.language)));
  values.set("organization", branding.organization.empty() ? "Gatehouse" : branding.organization);
  values.set("stylesheet_version", owned(kStylesheetVersion));
  set_if_given(values, "theme_version", theme_version(design));
  set_if_given(values, "header_text", design.header_text);
  set_if_given(values, "footer_text", design.footer_text);
  if (model::is_image_address(design.logo_path)) values.set("logo", design.logo_path);
  mustache tmpl{localize(page, branding.language)};
  std::string html = tmpl.render(values);
  GATEHOUSE_CHECK(tmpl.is_valid(), "the templates are part of the program");
  return html;
}

std::string reason_title(Language language, decision::Reason reason) {
  return text(language, "reason." + owned(decision::info(reason).code) + ".title");
}
std::string reason_advice(Language language, decision::Reason reason) {
  return text(language, "reason." + owned(decision::info(reason).code) + ".advice");
}

std::string retry_label(Language language, decision::Remedy remedy) {
  switch (remedy) {
    case decision::Remedy::SignIn:
      return text(language, "action.sign_in");
    case decision::Remedy::UseAnotherLoginMethod:
      return text(language, "action.other_method");
    case decision::Remedy::StatePurpose:
      return text(language, "action.say_why");
    case decision::Remedy::CheckDevice:
    case decision::Remedy::RepairDevice:
    case decision::Remedy::ChangeBrowser:
      return text(language, "action.check_again");
    case decision::Remedy::PresentCertificate:
    case decision::Remedy::None:
    case decision::Remedy::AskForAccess:
    case decision::Remedy::RetryLater:
    case decision::Remedy::GiveUp:
      break;
  }
  return text(language, "action.try_again");
}

// "3 hours ago", "in 2 days": `prefix` is `age` or `ahead`.
std::string span_text(Language language, std::string_view prefix, std::chrono::seconds span) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  const auto seconds = span.count();
  const std::string key = owned(prefix) + ".";
  if (seconds < kMinute) return text(language, key + "now");
  const auto said = [&](std::int64_t unit, const std::string& name) {
    const auto count = seconds / unit;
    return count == 1 ? text(language, key + name)
                      : text(language, key + name + "s", {{"count", std::to_string(count)}});
  };
  if (seconds < kHour) return said(kMinute, "minute");
  if (seconds < kDay) return said(kHour, "hour");
  return said(kDay, "day");
}

// What stands on the tile of an application without a logo: its first letter.
std::string initial_of(const std::string& name) {
  if (name.empty()) return "?";
  const auto lead = static_cast<unsigned char>(name.front());
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  std::string letter = name.substr(0, size);
  if (size == 1 && letter[0] >= 'a' && letter[0] <= 'z')
    letter[0] = static_cast<char>(letter[0] - 'a' + 'A');
  return letter;
}

// What happens on the way into an application that can be opened; empty: nothing. nullopt: it
// cannot be.
std::optional<std::string> step_before(Language language, decision::Reason obstacle) {
  switch (obstacle) {
    case decision::Reason::None:
      return "";
    case decision::Reason::EvaluationMissing:
    case decision::Reason::EvaluationStale:
      return text(language, "home.account_first");
    default:
      break;
  }
  switch (decision::info(obstacle).remedy) {
    case decision::Remedy::CheckDevice:
      return text(language, "home.device_first");
    case decision::Remedy::StatePurpose:
      return text(language, "home.reason_first");
    default:
      return std::nullopt;
  }
}

// Absent keys are looked up in the page's own values, so in lists they are set either way.
void set_or_hide(data& item, const std::string& key, const std::string& value) {
  item.set(key, value.empty() ? data{false} : data{value});
}

data application_item(Language language, const ApplicationLink& application) {
  data item;
  item.set("name", application.name);
  item.set("initial", initial_of(application.name));
  set_or_hide(item, "url", safe_url(application.url));
  set_or_hide(item, "domain", application.domain);
  set_or_hide(item, "logo", model::is_image_address(application.logo) ? application.logo : "");
  if (const auto step = step_before(language, application.obstacle)) {
    set_or_hide(item, "obstacle", *step);
    return item;
  }
  item.set("title", reason_title(language, application.obstacle));
  item.set("advice", reason_advice(language, application.obstacle));
  item.set("retry_label", retry_label(language, decision::info(application.obstacle).remedy));
  return item;
}

data session_item(Language language, const SessionEntry& session, Instant now) {
  const auto age = span_text(language, "age", now - session.began);
  const auto browser =
      session.browser.empty() ? text(language, "home.unknown_browser") : session.browser;
  data item;
  item.set("handle", session.handle);
  item.set("browser", browser);
  item.set("current", session.is_this);
  item.set("began", format_rfc3339(session.began));
  item.set("began_text", text(language, "home.session_began", {{"age", age}}));
  item.set("ends_text", text(language, "home.session_ends",
                             {{"age", span_text(language, "ahead", session.ends - now)}}));
  item.set("end_label",
           text(language, "home.end_session_label", {{"browser", browser}, {"age", age}}));
  set_or_hide(item, "method",
              session.method.empty()
                  ? ""
                  : text(language, "home.session_through", {{"method", session.method}}));
  set_or_hide(item, "place", session.place);
  return item;
}

data device_item(Language language, const DeviceEntry& device, Instant now) {
  data item;
  item.set("name", device.name);
  item.set("checked", format_rfc3339(device.established_at));
  item.set("checked_text",
           text(language, "home.device_checked",
                {{"source", device.source},
                 {"age", span_text(language, "age", now - device.established_at)}}));
  item.set("bad", device.managed != true);
  item.set("managed", text(language, !device.managed   ? "home.managed_unknown"
                                     : *device.managed ? "home.managed"
                                                       : "home.not_managed"));
  list failed;
  for (const auto& check : device.failed) {
    data what;
    what.set("what",
             text(language, "home.check_fails",
                  {{"check", check.name}, {"reason", reason_title(language, check.reason)}}));
    failed.push_back(what);
  }
  item.set("passed", device.has_checks && failed.empty());
  item.set("failed", data{failed});
  return item;
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
  const std::string title = reason_title(branding.language, refusal.reason);
  const std::string retry_url = safe_url(refusal.retry_url);
  const std::string sign_out_url = safe_url(refusal.sign_out_url);
  data values;
  values.set("title", title);
  values.set("advice", reason_advice(branding.language, refusal.reason));
  values.set("code", owned(info.code));
  values.set("retry_label", retry_label(branding.language, info.remedy));
  values.set("has_actions", !retry_url.empty() || !sign_out_url.empty());
  values.set("is_about_account", info.remedy == decision::Remedy::AskForAccess);
  set_if_given(values, "application", refusal.application);
  set_if_given(values, "email", refusal.email);
  set_if_given(values, "detail", refusal.detail);
  set_if_given(values, "support_code", refusal.support_code);
  set_if_given(values, "reference", refusal.reference);
  set_if_given(values, "retry_url", retry_url);
  set_if_given(values, "sign_out_url", sign_out_url);
  return render(kRefusalTemplate, branding, title, values);
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
    if (method.type == "onetimepin") item.set("hint", text(branding.language, "chooser.pin_hint"));
    methods.push_back(item);
  }
  data values;
  values.set("methods", data{methods});
  values.set("action", safe_url(chooser.action));
  values.set("transaction", chooser.transaction);
  set_if_given(values, "application", chooser.application);
  set_if_given(values, "notice", chooser.notice);
  return render(kChooserTemplate, branding, text(branding.language, "chooser.title"), values);
}

std::string pin_request_page(const Branding& branding, const PinRequest& page) {
  data values;
  values.set("action", safe_url(page.action));
  values.set("transaction", page.transaction);
  values.set("email", page.email);
  set_if_given(values, "application", page.application);
  set_if_given(values, "error", page.error);
  return render(kPinRequestTemplate, branding, text(branding.language, "pin_request.title"),
                values);
}

std::string pin_entry_page(const Branding& branding, const PinEntry& page) {
  data values;
  values.set("action", safe_url(page.action));
  values.set("transaction", page.transaction);
  values.set("email", page.email);
  set_if_given(values, "application", page.application);
  set_if_given(values, "error", page.error);
  set_if_given(values, "resend_action", safe_url(page.resend_action));
  return render(kPinEntryTemplate, branding, text(branding.language, "pin_entry.title"), values);
}

std::string purpose_page(const Branding& branding, const PurposeQuestion& page) {
  data values;
  values.set("action", safe_url(page.action));
  values.set("transaction", page.transaction);
  values.set("text", page.text);
  set_if_given(values, "application", page.application);
  set_if_given(values, "prompt", page.prompt);
  set_if_given(values, "error", page.error);
  return render(kPurposeTemplate, branding, text(branding.language, "purpose.title"), values);
}

std::string transfer_page(const Branding& branding, const TransferQuestion& page) {
  data values;
  values.set("action", safe_url(page.action));
  values.set("transaction", page.transaction);
  values.set("host", page.host);
  values.set("email", page.email);
  values.set("transfer_code", page.code);
  set_if_given(values, "application", page.application);
  return render(kTransferTemplate, branding, text(branding.language, "transfer.title"), values);
}

std::string posture_page(const Branding& branding, const PostureCheck& page) {
  data values;
  values.set("instructions", page.instructions);
  values.set("script_version", owned(kPostureScriptVersion));
  json::object texts;
  for (const std::string_view key : {"asking", "answered", "silent", "done", "unfinished",
                                     "not_taken", "slow", "not_started", "reload"})
    texts[key] = text(branding.language, "posture." + owned(key));
  values.set("texts", json::serialize(texts));
  set_if_given(values, "application", page.application);
  return render(kPostureTemplate, branding, text(branding.language, "posture.title"), values);
}

std::string message_page(const Branding& branding, const Message& message) {
  data values;
  values.set("title", message.title);
  values.set("text", message.text);
  values.set("link_text", message.link_text.empty() ? text(branding.language, "action.go_on")
                                                    : message.link_text);
  set_if_given(values, "link_url", safe_url(message.link_url));
  list more;
  for (const auto& link : message.more_links) {
    const std::string url(safe_url(link.url));
    if (url.empty()) continue;
    data item;
    item.set("more_url", url);
    item.set("more_text", link.text);
    more.push_back(item);
  }
  values.set("has_links", !safe_url(message.link_url).empty() || !more.empty());
  values.set("more_links", data{more});
  set_if_given(values, "reference", message.reference);
  return render(kMessageTemplate, branding, message.title, values);
}

std::string home_page(const Branding& branding, const Home& home) {
  const auto language = branding.language;
  list open;
  list closed;
  for (const auto& application : home.applications)
    (step_before(language, application.obstacle) ? open : closed)
        .push_back(application_item(language, application));
  list sessions;
  for (const auto& session : home.sessions)
    sessions.push_back(session_item(language, session, home.now));
  list devices;
  for (const auto& device : home.devices)
    devices.push_back(device_item(language, device, home.now));
  data values;
  values.set("has_applications", !home.applications.empty());
  values.set("has_open", !open.empty());
  values.set("has_closed", !closed.empty());
  values.set("has_sessions", !sessions.empty());
  values.set("has_devices", !devices.empty());
  values.set("open", data{open});
  values.set("closed", data{closed});
  values.set("sessions", data{sessions});
  values.set("devices", data{devices});
  values.set("has_search", home.is_searchable);
  // What is here is all there is to search.
  values.set("filters", home.is_searchable && !home.is_truncated && home.search.empty());
  values.set("script_version", owned(kLauncherScriptVersion));
  if (home.is_truncated)
    values.set("truncated", text(language, "home.truncated",
                                 {{"count", std::to_string(home.applications.size())}}));
  values.set("sign_out_url", safe_url(home.sign_out_url));
  values.set("transaction", home.transaction);
  values.set("end_action", safe_url(home.end_action));
  values.set("everywhere_action", safe_url(home.everywhere_action));
  set_if_given(values, "search", home.search);
  set_if_given(values, "email", home.email);
  return render(kHomeTemplate, branding, text(language, "home.title"), values);
}

std::string_view stylesheet() { return kStylesheet; }
std::string_view posture_script() { return kPostureScript; }
std::string_view launcher_script() { return kLauncherScript; }

std::string content_security_policy(const std::vector<std::string>& connect,
                                    const std::vector<std::string>& images) {
  // No form-action: Chromium applies it to the redirects after a form as well, and those lead to
  // identity providers and applications. Forms are ours alone, every value in them is escaped.
  std::string policy =
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:";
  std::vector<std::string> sources;
  for (const auto& address : images) {
    auto source = image_source(address);
    if (source.empty() || sources.size() >= kMaxImageSources ||
        std::ranges::find(sources, source) != sources.end())
      continue;
    policy += " " + source;
    sources.push_back(std::move(source));
  }
  policy += "; base-uri 'none'; frame-ancestors 'none'; connect-src 'self'";
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
