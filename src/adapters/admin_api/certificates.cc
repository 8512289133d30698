#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "adapters/admin_api/resources.h"
#include "base/encoding.h"
#include "base/time.h"
#include "base/try.h"
#include "crypto/certificate_summary.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::ChangeError;
using controlplane::ChangeErrorKind;
using controlplane::Edit;
using net::HttpResponse;
using policy::Document;
using policy::Documents;
using policy::Kind;

constexpr std::string_view kFamily = "access/certificates";

// As OpenSSL prints one: `SHA256 Fingerprint=1E:80:...`.
std::string fingerprint_of(std::string_view sha256) {
  std::string text = "SHA256 Fingerprint=";
  std::string hex = hex_encode(sha256);
  std::ranges::transform(hex, hex.begin(),
                         [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    if (i > 0) text += ':';
    text += hex.substr(i, 2);
  }
  return text;
}

json::object with_summary(const Document& document) {
  json::object shown = document.body;
  shown.erase("settings");
  if (!shown.contains("associated_hostnames")) shown["associated_hostnames"] = json::array{};
  const auto pem = json::find_string(shown, "certificate").value_or("");
  if (const auto summary = crypto::summarize_certificate(pem)) {
    shown["fingerprint"] = fingerprint_of(summary->sha256);
    shown["expires_on"] = format_rfc3339(summary->not_after);
  }
  return shown;
}

const Collection& certificates() {
  static const Collection collection{
      .kind = Kind::MtlsCertificate,
      .per_page = 50,
      .removed = 200,
      .make_show = [](const Call&, const Documents&) -> Show { return with_summary; }};
  return collection;
}

std::expected<void, HttpResponse> prepare(json::object& body) {
  take_out(body, {"fingerprint", "expires_on"});
  if (body.contains("settings"))
    return std::unexpected(invalid("/settings", "are changed at `access/certificates/settings`"));
  return {};
}

std::vector<std::string> hosts_of(const json::object& certificate) {
  std::vector<std::string> hosts;
  const auto* list = json::find_array(certificate, "associated_hostnames");
  if (list == nullptr) return hosts;
  for (const json::value& host : *list)
    if (host.is_string()) hosts.emplace_back(host.get_string());
  return hosts;
}

// What is said of each host of a certificate: by host.
std::map<std::string, json::object> settings_of(const json::object& certificate) {
  std::map<std::string, json::object> settings;
  for (const std::string& host : hosts_of(certificate)) {
    settings[host] = {
        {"hostname", host}, {"china_network", false}, {"client_certificate_forwarding", false}};
  }
  const auto* said = json::find_array(certificate, "settings");
  if (said == nullptr) return settings;
  for (const json::value& one : *said) {
    const auto* object = one.if_object();
    if (object == nullptr) continue;
    const auto host =
        settings.find(std::string(json::find_string(*object, "hostname").value_or("")));
    if (host == settings.end()) continue;
    for (const auto& [key, value] : *object) host->second[key] = value;
  }
  return settings;
}

void put_settings(json::object& certificate, const std::map<std::string, json::object>& settings) {
  json::array list;
  for (const auto& [host, setting] : settings) {
    const bool is_default =
        std::ranges::none_of(setting, [](const auto& member) { return member.value() == true; });
    if (!is_default) list.emplace_back(setting);
  }
  if (list.empty()) {
    certificate.erase("settings");
  } else {
    certificate["settings"] = std::move(list);
  }
}

// The certificate itself stays: another one is made as another.
HttpResponse change_certificate(const Call& call) {
  const std::string& id = call.arguments[0];
  const auto body = body_of(call, id, prepare);
  if (!body) return body.error();
  if (json::find_array(*body, "associated_hostnames") == nullptr)
    return invalid("/associated_hostnames", "must be a list of hosts");
  return edit(
      call, certificates(), id,
      [&](const Document& current, const Documents&) -> std::expected<json::object, ChangeError> {
        json::object changed = current.body;
        for (const auto& [key, value] : *body) {
          if (key == "certificate" && value != current.body.at("certificate")) {
            return change_error(ChangeErrorKind::Invalid,
                                "cannot be changed: upload another certificate", "/certificate");
          }
          if (value.is_null()) {
            changed.erase(key);
          } else {
            changed[key] = value;
          }
        }
        // Of hosts that it no longer has nothing is said.
        put_settings(changed, settings_of(changed));
        return changed;
      });
}

HttpResponse remove_certificate(const Call& call) {
  const std::string& id = call.arguments[0];
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        const Document* current =
            GATEHOUSE_TRY(for_change(call, documents, Kind::MtlsCertificate, id));
        if (!hosts_of(current->body).empty()) {
          return change_error(ChangeErrorKind::Conflict,
                              "certificate has active associations: set `associated_hostnames` to "
                              "an empty list first");
        }
        return std::vector<Edit>{{Kind::MtlsCertificate, id, std::nullopt}};
      },
      [&] { return success(json::object{{"id", id}}); });
}

json::array all_settings(const Documents& documents) {
  std::map<std::string, json::object> all;
  for (const auto& certificate : documents.of(Kind::MtlsCertificate))
    for (auto& [host, setting] : settings_of(certificate->body)) all.emplace(host, setting);
  json::array list;
  for (auto& [host, setting] : all) list.emplace_back(std::move(setting));
  return list;
}

HttpResponse read_settings(const Call& call) {
  return whole_list(all_settings(*documents_of(call)));
}

HttpResponse change_settings(const Call& call) {
  const auto body = call.body();
  if (!body) return body.error();
  if (const auto unknown = unknown_member(*body, {"settings"})) return *unknown;
  const auto* given = json::find_array(*body, "settings");
  if (given == nullptr) return invalid("/settings", "must be a list");
  for (std::size_t i = 0; i < given->size(); ++i) {
    const std::string place = "/settings/" + std::to_string(i);
    const auto* setting = (*given)[i].if_object();
    if (setting == nullptr) return invalid(place, "must be an object");
    if (const auto unknown = unknown_member(
            *setting, {"hostname", "china_network", "client_certificate_forwarding"}, place))
      return *unknown;
    if (!json::find_string(*setting, "hostname"))
      return invalid(place + "/hostname", "must be text");
    for (const std::string_view key : {"china_network", "client_certificate_forwarding"})
      if (!json::find_bool(*setting, key))
        return invalid(place + "/" + std::string(key), "must be true or false");
    for (const auto& [key, value] : *setting)
      if (key != "hostname" && key != "china_network" && key != "client_certificate_forwarding")
        return invalid(place + "/" + std::string(key), "is not a setting of a host");
  }
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        std::vector<Edit> edits;
        std::set<std::string, std::less<>> known;
        for (const auto& certificate : documents.of(Kind::MtlsCertificate)) {
          auto settings = settings_of(certificate->body);
          bool is_meant = false;
          for (const json::value& one : *given) {
            const auto& wanted = one.get_object();
            const auto host = settings.find(std::string(*json::find_string(wanted, "hostname")));
            if (host == settings.end()) continue;
            host->second = wanted;
            known.insert(host->first);
            is_meant = true;
          }
          if (!is_meant) continue;
          json::object changed = certificate->body;
          put_settings(changed, settings);
          edits.push_back({Kind::MtlsCertificate, certificate->id, std::move(changed)});
        }
        for (std::size_t i = 0; i < given->size(); ++i) {
          if (known.contains(*json::find_string((*given)[i].get_object(), "hostname"))) continue;
          return change_error(ChangeErrorKind::Invalid,
                              "no certificate is associated with this host",
                              "/settings/" + std::to_string(i) + "/hostname");
        }
        return edits;
      },
      [&] {
        auto response = read_settings(call);
        response.status = 202;
        return response;
      });
}

}  // namespace

void add_certificates(std::vector<Operation>& operations) {
  static constexpr Paths kPaths{"access/certificates", "access/certificates/{certificate_id}",
                                kFamily, true};
  static constexpr std::string_view kSettings = "access/certificates/settings";
  const auto collection = std::make_shared<const Collection>(certificates());
  add_reads(operations, kPaths, collection);
  add_create(operations, kPaths, collection, prepare);
  const auto add = [&](std::string_view method, std::string_view pattern, Handler handler) {
    const Access access = method == "GET" ? Access::Read : Access::Write;
    operations.push_back({method, pattern, kFamily, access, std::move(handler), true});
  };
  add("PUT", kPaths.one, change_certificate);
  add("DELETE", kPaths.one, remove_certificate);
  add("GET", kSettings, read_settings);
  add("PUT", kSettings, change_settings);
}

}  // namespace gatehouse::adapters::admin_api
