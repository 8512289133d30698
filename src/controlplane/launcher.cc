#include "controlplane/launcher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/audit.h"
#include "controlplane/journey.h"
#include "controlplane/session.h"
#include "crypto/digest.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::string_view kPurpose = "launcher";
constexpr std::size_t kMaxSignIns = 1000;

std::string handle_of(const model::Session& session) {
  return hex_encode(crypto::sha256("launcher " + session.nonce)).substr(0, 32);
}

std::string seal_form(const Context& context, const Browser& browser,
                      const model::Session& session) {
  return context.dependencies.vault.seal(
      kPurpose,
      json::serialize(json::object{{"u", handle_of(session)},
                                   {"b", context.browser_hash(browser)},
                                   {"x", to_epoch_seconds(context.now() + kFormLifetime)}}));
}

// INVARIANT: a form counts in the browser and for the session that it was made for, so no other
// site can have it sent.
bool is_own_form(const Context& context, const Browser& browser,
                 const std::vector<model::Session>& sessions, std::string_view sealed) {
  const auto plain = context.dependencies.vault.open(kPurpose, sealed);
  const auto document = plain ? json::parse(*plain) : json::value(nullptr);
  if (!document || !document->is_object()) return false;
  const auto& form = document->get_object();
  const auto text = [&](std::string_view key) { return json::find_string(form, key).value_or(""); };
  return constant_time_equal(text("b"), context.browser_hash(browser)) &&
         context.now() < from_epoch_seconds(json::find_int(form, "x").value_or(0)) &&
         std::ranges::any_of(
             sessions, [&](const auto& session) { return handle_of(session) == text("u"); });
}

std::vector<std::string> words_of(std::string_view search) {
  std::vector<std::string> words;
  const std::string folded = ascii_lower(search.substr(0, kMaxSearchBytes));
  std::string_view rest = folded;
  while (!(rest = trim(rest)).empty()) {
    const auto end = std::min(rest.find(' '), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  return words;
}
bool has_words(const ApplicationLink& link, const std::vector<std::string>& words) {
  const std::string text = ascii_lower(link.name + " " + link.domain);
  return std::ranges::all_of(words, [&](const auto& word) { return text.contains(word); });
}

std::string kept_text(const json::object& kept, std::string_view key) {
  return std::string(json::find_string(kept, key).value_or(""));
}
bool is_visible(const json::object& kept) {
  return json::find_bool(kept, "app_launcher_visible").value_or(true);
}

// A link that nothing is decided for.
ApplicationLink bookmark_link(const std::string& name, const json::object& kept) {
  ApplicationLink link;
  link.name = name;
  link.logo_url = kept_text(kept, "logo_url");
  const auto domain = kept_text(kept, "domain");
  const bool is_address = domain.starts_with("https://") || domain.starts_with("http://");
  link.url = is_address || domain.empty() ? domain : "https://" + domain;
  link.domain = is_address ? domain.substr(domain.find("//") + 2) : domain;
  if (link.domain.ends_with('/')) link.domain.pop_back();
  return link;
}

// nullopt: what somebody can never open is none of their business, not even its name.
std::optional<ApplicationLink> application_link(
    Context& context, const Browser& browser, const std::shared_ptr<const Configuration>& in_force,
    const std::vector<model::Session>& sessions, const model::Application& authored) {
  const auto& snapshot = *in_force->snapshot;
  const auto* application = snapshot.application_by_id(authored.id);
  if (application == nullptr) return std::nullopt;
  const auto* usable = usable_session(sessions, *application);
  const auto& session = usable != nullptr ? *usable : sessions.front();
  const Journey journey{in_force, application, application->hostname, "/", ""};
  const auto decision = decide(context, browser, journey, session);
  ApplicationLink link;
  link.name = authored.name;
  link.logo_url = kept_text(authored.kept, "logo_url");
  link.domain = authored.domains.front();
  if (!link.domain.contains('*')) {
    const auto slash = std::min(link.domain.find('/'), link.domain.size());
    const auto path = link.domain.substr(slash);
    link.url = origin_of(context, link.domain.substr(0, slash)) + (path.empty() ? "/" : path);
  }
  if (decision.effect == decision::Effect::Allow || decision.effect == decision::Effect::Bypass ||
      waits_for_certificate(journey, decision))
    return link;
  model::Session identity_only;
  identity_only.identity = session.identity;
  if (usable == nullptr) identity_only.identity.login_method = application->allowed_idps.front();
  identity_only.created_at = session.created_at;
  identity_only.expires_at = session.expires_at;
  if (!decision::could_admit(snapshot, *application, identity_only, context.now()))
    return std::nullopt;
  link.obstacle = decision.reason;
  return link;
}

std::vector<ApplicationLink> links_of(Context& context, const Browser& browser,
                                      const std::shared_ptr<const Configuration>& in_force,
                                      const std::vector<model::Session>& sessions) {
  const auto& resources = *in_force->resources;
  std::vector<ApplicationLink> links;
  for (const auto& application : resources.applications) {
    if (!is_visible(application.kept)) continue;
    if (!model::is_protected(application)) {
      // Its policies are kept and nobody decides by them: they may have been meant to hide it.
      if (application.policies.empty())
        links.push_back(bookmark_link(application.name, application.kept));
    } else if (auto link = application_link(context, browser, in_force, sessions, application)) {
      links.push_back(std::move(*link));
    }
  }
  for (const auto& bookmark : resources.bookmarks)
    if (is_visible(bookmark.kept)) links.push_back(bookmark_link(bookmark.name, bookmark.kept));
  std::ranges::stable_sort(links, [](const auto& a, const auto& b) {
    return std::pair(ascii_lower(a.name), a.domain) < std::pair(ascii_lower(b.name), b.domain);
  });
  return links;
}

// The person's live sessions everywhere, newest first.
std::expected<std::vector<model::Session>, Failure> all_sessions(Context& context,
                                                                 const Browser& browser,
                                                                 const model::Session& one) {
  auto all = GATEHOUSE_TRY(
      from_store(context.dependencies.store.live_sessions_of(one.identity.user_id, context.now()),
                 browser.reference));
  std::ranges::sort(all, [](const auto& a, const auto& b) {
    return std::tie(b.created_at, a.nonce) < std::tie(a.created_at, b.nonce);
  });
  return all;
}

std::expected<std::vector<SessionSeen>, Failure> describe_sessions(
    Context& context, const Browser& browser, const Configuration& configuration,
    const std::vector<model::Session>& own, const std::vector<model::Session>& all) {
  storage::AuditQuery query;
  query.events = {std::string(audit_event::kSignIn)};
  query.actor = own.front().identity.email;
  query.since = all.empty() ? context.now() : all.back().created_at;
  query.limit = kMaxSignIns;
  const auto sign_ins =
      GATEHOUSE_TRY(from_store(context.dependencies.store.find_audit(query), browser.reference));
  std::vector<SessionSeen> seen;
  for (const auto& session : all) {
    SessionSeen entry;
    entry.handle = handle_of(session);
    entry.began = session.created_at;
    entry.ends = session.expires_at;
    entry.is_this = std::ranges::find(own, session.nonce, &model::Session::nonce) != own.end();
    for (const auto& provider : configuration.resources->identity_providers)
      if (provider.id == session.identity.login_method) entry.login_method = provider.name;
    for (const auto& event : sign_ins.items) {
      if (json::find_string(event.details, "session") != session.nonce) continue;
      entry.address = event.ip;
      entry.country = kept_text(event.details, "country");
      entry.browser = kept_text(event.details, "browser");
    }
    seen.push_back(std::move(entry));
  }
  return seen;
}

std::vector<DeviceSeen> describe_devices(const Context& context, const Configuration& configuration,
                                         const std::vector<model::Session>& all) {
  std::vector<DeviceSeen> devices;
  for (const auto& session : all)
    for (const auto& evidence : session.posture) {
      const auto known = std::ranges::find_if(devices, [&](const DeviceSeen& other) {
        return other.evidence.device_id == evidence.device_id &&
               other.evidence.integration_id == evidence.integration_id;
      });
      if (known != devices.end() && known->evidence.established_at >= evidence.established_at)
        continue;
      DeviceSeen device{evidence, "", {}};
      for (const auto& integration : configuration.resources->posture_integrations)
        if (integration.id == evidence.integration_id) device.integration = integration.name;
      for (const auto& rule : configuration.resources->posture_rules) {
        if (json::find_string(rule.input, "connection_id") != evidence.integration_id) continue;
        const auto match = check_posture_rule(context, configuration, session, rule);
        device.checks.push_back({rule.name, match.truth == decision::Truth::True
                                                ? decision::Reason::None
                                                : match.reason});
      }
      if (known != devices.end())
        *known = std::move(device);
      else
        devices.push_back(std::move(device));
    }
  std::ranges::stable_sort(devices, [](const auto& a, const auto& b) {
    return b.evidence.established_at < a.evidence.established_at;
  });
  return devices;
}

std::expected<void, Failure> end(Context& context, const Browser& browser,
                                 const model::Session& session, std::string_view why) {
  GATEHOUSE_TRY_VOID(from_store(context.sessions.end(session.nonce), browser.reference));
  spdlog::info("session_ended why={} reference={}", why, browser.reference);
  audit(context, browser,
        {audit_event::kSessionEnded, session.identity.email, "", "", json::object{{"why", why}}});
  return {};
}

}  // namespace

std::expected<Home, Failure> home(Context& context, const Browser& browser,
                                  std::string_view search) {
  const auto in_force = GATEHOUSE_TRY(configuration_in_force(context));
  const auto own = GATEHOUSE_TRY(live_sessions(context, browser));
  Home result;
  if (own.empty()) return result;
  result.email = own.front().identity.email;
  result.transaction = seal_form(context, browser, own.front());
  result.applications = links_of(context, browser, in_force, own);
  result.is_searchable = result.applications.size() > kLinksWithoutSearch;
  const auto words = words_of(search);
  std::erase_if(result.applications,
                [&](const ApplicationLink& link) { return !has_words(link, words); });
  result.is_truncated = result.applications.size() > kMaxLinksShown;
  if (result.is_truncated) result.applications.resize(kMaxLinksShown);
  const auto all = GATEHOUSE_TRY(all_sessions(context, browser, own.front()));
  result.sessions = GATEHOUSE_TRY(describe_sessions(context, browser, *in_force, own, all));
  result.devices = describe_devices(context, *in_force, all);
  return result;
}

std::expected<Ended, Failure> end_session_of(Context& context, const Browser& browser,
                                             std::string_view transaction,
                                             std::string_view handle) {
  auto own = GATEHOUSE_TRY(live_sessions(context, browser));
  if (!is_own_form(context, browser, own, transaction)) return Ended::Outdated;
  const auto all = GATEHOUSE_TRY(all_sessions(context, browser, own.front()));
  for (const auto& session : all) {
    if (handle_of(session) != handle) continue;
    GATEHOUSE_TRY_VOID(end(context, browser, session, "ended"));
    std::erase_if(own, [&](const auto& other) { return other.nonce == session.nonce; });
  }
  return own.empty() ? Ended::This : Ended::Another;
}

std::expected<Ended, Failure> end_all_sessions_of(Context& context, const Browser& browser,
                                                  std::string_view transaction) {
  const auto own = GATEHOUSE_TRY(live_sessions(context, browser));
  if (!is_own_form(context, browser, own, transaction)) return Ended::Outdated;
  const auto all = GATEHOUSE_TRY(all_sessions(context, browser, own.front()));
  for (const auto& session : all) GATEHOUSE_TRY_VOID(end(context, browser, session, "everywhere"));
  return Ended::This;
}

}  // namespace gatehouse::controlplane
