// The few pages that people see outside their applications. Pure: values in, HTML out; every value
// is escaped by the template engine. No inline script or style: content_security_policy() forbids
// it. Pages load /cdn-cgi/access/static/{gatehouse.css, theme.css, posture.js, launcher.js} with
// `?v=` and a hash of the content. Links and form targets that are neither a path nor http(s) are
// left out. Whatever people read is in texts/, in the language of the branding (language.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "decision/reason.h"
#include "model/login_design.h"
#include "pages/language.h"
#include "pages/theme.h"

namespace gatehouse::pages {

struct Branding {
  std::string organization;
  Language language = Language::English;
  model::LoginDesign design = {};
};

struct Refusal {
  decision::Reason reason = decision::Reason::InternalError;
  std::string application;     // name; may be empty
  std::string email;           // who is signed in; may be empty
  std::string reference;       // request id for support
  std::string retry_url;       // "Check again" / "Try again"; may be empty
  std::string sign_out_url;    // "Use another account"; may be empty
  std::string detail;          // one more plain sentence; may be empty
  std::string support_code{};  // the login service's own; may be empty
};
[[nodiscard]] std::string refusal_page(const Branding& branding, const Refusal& refusal);
// What a refusal is about, which decides where an administrator's own pages and addresses stand in
// for ours.
enum class RefusalKind : std::uint8_t {
  Other,        // the request itself or the gateway, and whatever the person can put right alone
  Identity,     // who asks may not
  NonIdentity,  // device, network, country, client certificate or service token
};
[[nodiscard]] RefusalKind refusal_kind(decision::Reason reason);
// {"error":"access_denied","reason":code,"remedy":..,"message":..,"reference":..,"login_url"?}
[[nodiscard]] std::string refusal_json(const Refusal& refusal, std::string_view login_url);

struct LoginMethodLink {
  std::string id;
  std::string name;
  std::string type;
};
struct Chooser {
  std::string application;
  std::string action;       // form target
  std::string transaction;  // hidden field
  std::vector<LoginMethodLink> methods;
  std::string notice;  // why we ask again; may be empty
};
[[nodiscard]] std::string chooser_page(const Branding& branding, const Chooser& chooser);

struct PinRequest {  // asks for the address
  std::string application;
  std::string action;
  std::string transaction;
  std::string error;  // beside the field; may be empty
  std::string email;
};
[[nodiscard]] std::string pin_request_page(const Branding& branding, const PinRequest& page);

struct PinEntry {  // asks for the code
  std::string application;
  std::string action;
  std::string transaction;
  std::string email;
  std::string error;
  std::string resend_action;  // "Send a new code": posts transaction and email; may be empty
};
[[nodiscard]] std::string pin_entry_page(const Branding& branding, const PinEntry& page);

struct PurposeQuestion {  // asks why somebody needs the application
  std::string application;
  std::string action;
  std::string transaction;
  std::string prompt;  // the policy's own question; may be empty
  std::string text;    // what was written before
  std::string error;   // beside the field; may be empty
};
[[nodiscard]] std::string purpose_page(const Branding& branding, const PurposeQuestion& page);

struct TransferQuestion {  // asks whether a command line gets the application's token
  std::string application;
  std::string host;
  std::string email;
  std::string code;  // the command shows it too
  std::string action;
  std::string transaction;
};
[[nodiscard]] std::string transfer_page(const Branding& branding, const TransferQuestion& page);

struct PostureCheck {
  std::string application;
  std::string instructions;  // JSON for the script, in a data attribute
};
[[nodiscard]] std::string posture_page(const Branding& branding, const PostureCheck& page);

struct MessageLink {
  std::string url;
  std::string text;
};
struct Message {
  std::string title;
  std::string text;
  std::string link_url;  // may be empty
  std::string link_text;
  std::string reference;
  std::vector<MessageLink> more_links{};  // less prominent
};
[[nodiscard]] std::string message_page(const Branding& branding, const Message& message);

struct ApplicationLink {
  std::string name;
  std::string url;                                     // may be empty
  decision::Reason obstacle = decision::Reason::None;  // None: it can be opened now
  std::string domain = {};                             // as people know it
  std::string logo = {};                               // model::is_image_address(); may be empty
};
struct SessionEntry {
  std::string handle;   // what a post names it by
  std::string browser;  // `Firefox · Windows`; may be empty
  std::string place;    // network address and country; may be empty
  std::string method;   // name of the login method; may be empty
  Instant began{};
  Instant ends{};
  bool is_this = false;
};
struct FailedCheck {
  std::string name;
  decision::Reason reason = decision::Reason::None;
};
struct DeviceEntry {
  std::string name;
  std::string source;  // name of the integration
  Instant established_at{};
  std::optional<bool> managed;
  std::vector<FailedCheck> failed;  // checks that would not be passed now
  bool has_checks = false;          // some check asks for it
};
struct Home {         // the start page of the auth domain
  std::string email;  // empty: nobody signed in
  std::vector<ApplicationLink> applications;
  std::string sign_out_url;
  std::string search = {};     // what `applications` were searched for
  bool is_searchable = false;  // there are, without the search, too many to look through
  bool is_truncated = false;   // `applications` are the first ones only
  std::vector<SessionEntry> sessions = {};
  std::vector<DeviceEntry> devices = {};
  std::string transaction = {};  // of the forms below
  std::string end_action = {};
  std::string everywhere_action = {};
  Instant now{};
};
[[nodiscard]] std::string home_page(const Branding& branding, const Home& home);

[[nodiscard]] std::string_view stylesheet();
[[nodiscard]] std::string_view posture_script();
[[nodiscard]] std::string_view launcher_script();

// For every page; `connect` adds origins (the agent's candidates) for the posture page only,
// `images` the addresses of images (the organization's logo, those of applications): at most
// kMaxImageSources different ones, what else there is does not show.
[[nodiscard]] std::string content_security_policy(const std::vector<std::string>& connect = {},
                                                  const std::vector<std::string>& images = {});
inline constexpr std::size_t kMaxImageSources = 60;
// For an administrator's own HTML: styles within it and images, no script, no frame around it and
// no form to anywhere else.
[[nodiscard]] std::string_view custom_page_policy();

}  // namespace gatehouse::pages
