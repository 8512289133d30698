// gatehouse/devices and gatehouse/sessions: who is signed in, and from what.
#include <algorithm>
#include <set>
#include <utility>

#include "adapters/admin_api/call.h"
#include "adapters/admin_api/resources.h"
#include "base/time.h"
#include "controlplane/device_evidence.h"
#include "controlplane/live_view.h"
#include "controlplane/revocation.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::Configuration;
using controlplane::KnownDevice;
using controlplane::RevocationError;
using net::HttpResponse;

constexpr std::size_t kPerPage = 100;

json::array evidence_of(const Call& call, const Configuration& configuration,
                        const std::vector<model::PostureEvidence>& posture) {
  json::array shown;
  const auto now = call.context().now();
  for (const auto& evidence : posture)
    shown.emplace_back(controlplane::device_evidence(call.context(), configuration, evidence, now));
  return shown;
}

json::object to_json(const Call& call, const Configuration& configuration,
                     const model::Session& session) {
  return {{"nonce", session.nonce},
          {"email", session.identity.email},
          {"name", session.identity.name},
          {"user_id", session.identity.user_id},
          {"login_method", session.identity.login_method},
          {"created_at", format_rfc3339(session.created_at)},
          {"expires_at", format_rfc3339(session.expires_at)},
          {"devices", evidence_of(call, configuration, session.posture)}};
}

// One page of those of a user: they are few.
std::expected<storage::Page<model::Session>, HttpResponse> sessions_of_user(const Call& call,
                                                                            const std::string& user,
                                                                            const Paging& paging) {
  auto sessions = controlplane::sessions_of(call.context(), user);
  storage::Page<model::Session> page;
  if (!sessions) {
    if (sessions.error() == RevocationError::NoSuchUser) return page;
    return std::unexpected(unavailable());
  }
  page.total = sessions->size();
  for (std::size_t i = paging.offset(); i < page.total && page.items.size() < paging.per_page; ++i)
    page.items.push_back(std::move((*sessions)[i]));
  return page;
}

HttpResponse list_sessions(const Call& call) {
  const auto paging = paging_of(call, kPerPage);
  if (!paging) return paging.error();
  const auto configuration = call.context().configuration();
  if (!configuration) return unavailable();
  storage::Page<model::Session> page;
  if (const auto user = call.query("user").value_or(""); !user.empty()) {
    auto found = sessions_of_user(call, user, *paging);
    if (!found) return std::move(found.error());
    page = std::move(*found);
  } else {
    auto& context = call.context();
    auto found = context.dependencies.store.find_live_sessions(
        call.query("search").value_or(""), paging->offset(), paging->per_page, context.now());
    if (!found) return unavailable();
    page = std::move(*found);
  }
  json::array shown;
  for (const auto& session : page.items) shown.emplace_back(to_json(call, *configuration, session));
  return list(std::move(shown), paging->page, paging->per_page, page.total);
}

json::object to_json(const Call& call, const Configuration& configuration, const std::string& id,
                     const KnownDevice* device, bool revoked) {
  json::object shown{{"id", id},
                     {"name", ""},
                     {"user", nullptr},
                     {"revoked", revoked},
                     {"sessions", 0},
                     {"expires_at", nullptr},
                     {"evidence", json::array{}}};
  if (device == nullptr) return shown;
  shown["name"] = device->hostname;
  shown["user"] = json::object{{"id", device->user_id}, {"email", device->email}};
  shown["sessions"] = device->sessions;
  shown["expires_at"] = format_rfc3339(device->expires_at);
  shown["evidence"] = evidence_of(call, configuration, device->evidence);
  return shown;
}

HttpResponse list_devices(const Call& call) {
  const auto paging = paging_of(call, kPerPage);
  if (!paging) return paging.error();
  auto& context = call.context();
  const auto configuration = context.configuration();
  if (!configuration) return unavailable();
  const auto picture = context.live_view.get(context.dependencies.store, context.now());
  const auto revoked = controlplane::revoked_devices(context);
  if (!picture || !revoked) return unavailable();
  const std::set<std::string_view> barred(revoked->begin(), revoked->end());
  const std::string search = call.query("search").value_or("");
  // By id, so that a page stays what it was while evidence is renewed.
  std::vector<std::pair<std::string, const KnownDevice*>> found;
  for (const auto& [id, device] : (*picture)->devices)
    if (contains(id, search) || contains(device.hostname, search) || contains(device.email, search))
      found.emplace_back(id, &device);
  for (const auto& id : *revoked)
    if (!(*picture)->devices.contains(id) && contains(id, search)) found.emplace_back(id, nullptr);
  std::ranges::sort(found, {}, [](const auto& one) { return one.first; });
  json::array page;
  for (std::size_t i = paging->offset(); i < found.size() && page.size() < paging->per_page; ++i)
    page.emplace_back(to_json(call, *configuration, found[i].first, found[i].second,
                              barred.contains(found[i].first)));
  return list(std::move(page), paging->page, paging->per_page, found.size());
}

}  // namespace

void add_devices(std::vector<Operation>& operations) {
  operations.push_back(
      {"GET", "gatehouse/sessions", "gatehouse/sessions", Access::Read, list_sessions});
  operations.push_back(
      {"GET", "gatehouse/devices", "gatehouse/devices", Access::Read, list_devices});
}

}  // namespace gatehouse::adapters::admin_api
