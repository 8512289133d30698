#include <set>
#include <utility>

#include "adapters/admin_api/resources.h"
#include "base/try.h"
#include "controlplane/revocation.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::ChangeError;
using controlplane::ChangeErrorKind;
using controlplane::Edit;
using controlplane::RevocationError;
using policy::Document;
using policy::Documents;
using policy::Kind;

const std::string& id() {
  static const std::string kId(policy::section_of(Kind::Organization));
  return kId;
}

const Collection& organization() {
  static const Collection collection{.kind = Kind::Organization};
  return collection;
}

net::HttpResponse read_organization(const Call& call) {
  return show_document(call, organization(), id());
}

net::HttpResponse create_organization(const Call& call) {
  const auto body = new_body(call);
  if (!body) return body.error();
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        if (documents.find(Kind::Organization, id()) != nullptr)
          return change_error(ChangeErrorKind::Conflict, "the organization already exists");
        return std::vector<Edit>{{Kind::Organization, id(), *body}};
      },
      [&] { return show_document(call, organization(), id(), 201); });
}

// What is not spoken of stays; null takes it away.
net::HttpResponse change_organization(const Call& call) {
  const auto body = new_body(call);
  if (!body) return body.error();
  return edit(call, organization(), id(), [&](const Document& current, const Documents&) {
    json::object changed = current.body;
    for (const auto& [key, value] : *body) {
      if (value.is_null()) {
        changed.erase(key);
      } else {
        changed[key] = value;
      }
    }
    return changed;
  });
}

net::HttpResponse revocation_failed(RevocationError error) {
  if (error == RevocationError::StoreUnavailable) return unavailable();
  return invalid("", controlplane::to_string(error));
}

// Ends the sessions; with `devices` the evidence of their devices is not accepted any more either.
net::HttpResponse revoke_user(const Call& call) {
  const auto body = call.body();
  if (!body) return body.error();
  if (const auto unknown =
          unknown_member(*body, {"email", "user_uid", "devices", "warp_session_reauth"}))
    return *unknown;
  const auto email = json::find_string(*body, "email");
  if (!email || email->empty()) return invalid("/email", "must be an e-mail address");
  for (const std::string_view key : {"devices", "warp_session_reauth"}) {
    const json::value* value = json::find(*body, key);
    if (value != nullptr && !value->is_null() && !value->is_bool())
      return invalid("/" + std::string(key), "must be true or false");
  }
  std::string user(*email);
  if (const json::value* uid = json::find(*body, "user_uid"); uid != nullptr && !uid->is_null()) {
    if (!uid->is_string()) return invalid("/user_uid", "must be text");
    const auto known = call.context().dependencies.store.find_user(uid->get_string());
    if (!known) return unavailable();
    const auto address = model::canonical_email(user);
    if (!*known || !address || (*known)->email != *address)
      return invalid("/user_uid", "is not the id of the user with this `email`");
  }
  const bool with_devices = json::find_bool(*body, "devices").value_or(false) ||
                            call.query("devices").value_or("") == "true";
  std::set<std::string> devices;
  if (with_devices) {
    const auto sessions = controlplane::sessions_of(call.context(), user);
    if (!sessions && sessions.error() != RevocationError::NoSuchUser)
      return revocation_failed(sessions.error());
    if (sessions) {
      for (const auto& session : *sessions)
        for (const auto& evidence : session.posture)
          if (!evidence.device_id.empty()) devices.insert(evidence.device_id);
    }
  }
  for (const auto& device : devices) {
    const auto revoked = controlplane::revoke_device(call.context(), device, call.token.name);
    if (!revoked) return revocation_failed(revoked.error());
  }
  const auto revoked = controlplane::revoke_user(call.context(), user, call.actor());
  if (!revoked && revoked.error() == RevocationError::NoSuchUser) return success(false);
  return revoked ? success(true) : revocation_failed(revoked.error());
}

}  // namespace

void add_organization(std::vector<Operation>& operations) {
  constexpr std::string_view kFamily = "access/organizations";
  constexpr std::string_view kPath = "access/organizations";
  operations.push_back({"GET", kPath, kFamily, Access::Read, read_organization, true});
  operations.push_back({"POST", kPath, kFamily, Access::Write, create_organization, true});
  operations.push_back({"PUT", kPath, kFamily, Access::Write, change_organization, true});
  operations.push_back({"POST", "access/organizations/revoke_user", "gatehouse/revocations",
                        Access::Write, revoke_user, true});
}

}  // namespace gatehouse::adapters::admin_api
