#include <algorithm>
#include <optional>
#include <utility>

#include "adapters/admin_api/resources.h"
#include "base/encoding.h"
#include "base/time.h"
#include "base/try.h"
#include "controlplane/bearer_secret.h"
#include "crypto/digest.h"
#include "platform/random.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::ChangeError;
using controlplane::ChangeErrorKind;
using controlplane::Edit;
using net::HttpResponse;
using policy::Document;
using policy::Documents;
using policy::Kind;

constexpr std::string_view kFamily = "access/service_tokens";
constexpr std::string_view kDefaultDuration = "8760h";
constexpr std::string_view kForever = "forever";
constexpr std::string_view kSecretPrefix = "cfast_";
constexpr std::size_t kClientIdBytes = 16;
constexpr std::string_view kPreviousHash = "previous_client_secret_hash";
constexpr std::string_view kPreviousEnd = "previous_client_secret_expires_at";

json::object without_hashes(const Document& document) {
  json::object shown = document.body;
  take_out(shown, {"client_secret_hash", kPreviousHash});
  if (!shown.contains("duration") && !shown.contains("expires_at")) shown["duration"] = kForever;
  return shown;
}

const Collection& tokens() {
  static const Collection collection{
      .kind = Kind::ServiceToken,
      .per_page = 1000,
      .removed = 200,
      .make_show = [](const Call& call, const Documents&) -> Show {
        // Where the store does not say, they are left out, as those that were never seen.
        auto seen = call.context().dependencies.store.service_token_uses();
        return [uses = seen ? std::move(*seen)
                            : std::map<std::string, Instant>{}](const Document& document) {
          auto shown = without_hashes(document);
          if (const auto use = uses.find(document.id); use != uses.end())
            shown["last_seen_at"] = format_rfc3339(use->second);
          return shown;
        };
      }};
  return collection;
}

std::string hash_of(std::string_view secret) { return hex_encode(crypto::sha256(secret)); }

// When a token made, renewed or changed at `from` ends; nullopt: never.
std::expected<std::optional<Instant>, ChangeError> end_of(const json::object& token, Instant from) {
  const json::value* given = json::find(token, "duration");
  const auto text =
      given == nullptr ? std::optional(kDefaultDuration) : json::find_string(token, "duration");
  if (text == kForever) return std::nullopt;
  const auto duration = text ? parse_duration(*text) : std::nullopt;
  if (!duration) {
    return change_error(ChangeErrorKind::Invalid,
                        "must be a duration such as `8760h`, or `forever`", "/duration");
  }
  return from + std::chrono::floor<std::chrono::seconds>(*duration);
}

void set_end(json::object& token, std::optional<Instant> end) {
  if (end) {
    token["expires_at"] = format_rfc3339(*end);
  } else {
    token.erase("expires_at");
  }
}

std::optional<Instant> time_of(const json::object& token, std::string_view key) {
  const auto text = json::find_string(token, key);
  return text ? parse_rfc3339(*text) : std::nullopt;
}

// The moment until which the secret before a new one is good; nullopt: it is dead at once.
std::expected<std::optional<Instant>, ChangeError> overlap_of(const json::object& body) {
  const json::value* given = json::find(body, kPreviousEnd);
  if (given == nullptr || given->is_null()) return std::nullopt;
  const auto end = time_of(body, kPreviousEnd);
  if (!end) {
    return change_error(ChangeErrorKind::Invalid, "must be a time such as `2030-01-31T00:00:00Z`",
                        "/" + std::string(kPreviousEnd));
  }
  return end;
}

void put_secret(json::object& token, std::string_view secret, std::optional<Instant> overlap,
                Instant now) {
  take_out(token, {kPreviousHash, kPreviousEnd});
  if (overlap && *overlap > now) {
    token[kPreviousHash] = token["client_secret_hash"];
    token[kPreviousEnd] = format_rfc3339(*overlap);
  }
  token["client_secret_hash"] = hash_of(secret);
}

// The token with what is known only now.
HttpResponse show_with_secret(const Call& call, const std::string& id, const std::string& secret,
                              int status) {
  const auto documents = documents_of(call);
  const Document* document = documents->find(Kind::ServiceToken, id);
  if (document == nullptr) return not_found();
  json::object shown = without_hashes(*document);
  shown["client_secret"] = secret;
  shown["created_at"] = format_rfc3339(document->created_at);
  shown["updated_at"] = format_rfc3339(document->updated_at);
  auto response = success(std::move(shown), status);
  response.headers.emplace_back("ETag", etag_of(*document));
  return response;
}

// What a client may say of a token.
std::expected<json::object, HttpResponse> written(const Call& call) {
  json::object body = GATEHOUSE_TRY(call.body());
  take_out(body, {"id", "client_id", "expires_at", "last_seen_at", "created_at", "updated_at"});
  for (const auto& [key, value] : body) {
    const std::string_view name = key;
    if (name == "client_secret_hash" || name == kPreviousHash || name == "client_secret") {
      return std::unexpected(
          invalid("/" + std::string(name), "is made by the gateway: create or rotate the token"));
    }
  }
  return body;
}

HttpResponse create_token(const Call& call) {
  auto body = written(call);
  if (!body) return std::move(body.error());
  const std::string id = random_uuid();
  const std::string secret = controlplane::make_bearer_secret(kSecretPrefix);
  return change(
      call,
      [&](const Documents&) -> std::expected<std::vector<Edit>, ChangeError> {
        json::object token = *body;
        // There is no secret before the first.
        (void)GATEHOUSE_TRY(overlap_of(token));
        token.erase(kPreviousEnd);
        if (const json::value* duration = json::find(token, "duration");
            duration == nullptr || duration->is_null())
          token["duration"] = kDefaultDuration;
        token["id"] = id;
        token["client_id"] = random_hex(kClientIdBytes) + ".access";
        token["client_secret_hash"] = hash_of(secret);
        set_end(token, GATEHOUSE_TRY(end_of(token, call.context().now())));
        return std::vector<Edit>{{Kind::ServiceToken, id, std::move(token)}};
      },
      [&] { return show_with_secret(call, id, secret, 201); });
}

// What is not spoken of stays. A greater `client_secret_version` asks for a new secret.
HttpResponse change_token(const Call& call) {
  const std::string& id = call.arguments[0];
  auto body = written(call);
  if (!body) return std::move(body.error());
  const std::string secret = controlplane::make_bearer_secret(kSecretPrefix);
  bool has_new_secret = false;
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        const Document* current =
            GATEHOUSE_TRY(for_change(call, documents, Kind::ServiceToken, id));
        const auto now = call.context().now();
        json::object token = current->body;
        const auto overlap = GATEHOUSE_TRY(overlap_of(*body));
        const auto version = json::find_int(token, "client_secret_version").value_or(1);
        for (const auto& [key, value] : *body) {
          if (key == kPreviousEnd) continue;
          if (value.is_null()) {
            token.erase(key);
          } else {
            token[key] = value;
          }
        }
        has_new_secret = json::find_int(token, "client_secret_version").value_or(1) > version;
        if (has_new_secret) {
          put_secret(token, secret, overlap, now);
        } else if (overlap && token.contains(kPreviousHash)) {
          token[kPreviousEnd] = format_rfc3339(*overlap);
        }
        const json::value* duration = json::find(*body, "duration");
        const json::value* before = json::find(current->body, "duration");
        if (duration != nullptr && (before == nullptr || *before != *duration))
          set_end(token, GATEHOUSE_TRY(end_of(token, now)));
        return std::vector<Edit>{{Kind::ServiceToken, id, std::move(token)}};
      },
      [&] {
        return has_new_secret ? show_with_secret(call, id, secret, 200)
                              : show_document(call, tokens(), id);
      });
}

HttpResponse rotate_token(const Call& call) {
  const std::string& id = call.arguments[0];
  const auto body = call.body(/*may_be_empty=*/true);
  if (!body) return body.error();
  if (const auto unknown = unknown_member(*body, {kPreviousEnd})) return *unknown;
  const std::string secret = controlplane::make_bearer_secret(kSecretPrefix);
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        const Document* current =
            GATEHOUSE_TRY(for_change(call, documents, Kind::ServiceToken, id));
        const auto overlap = GATEHOUSE_TRY(overlap_of(*body));
        json::object token = current->body;
        put_secret(token, secret, overlap, call.context().now());
        token["client_secret_version"] =
            json::find_int(token, "client_secret_version").value_or(1) + 1;
        return std::vector<Edit>{{Kind::ServiceToken, id, std::move(token)}};
      },
      [&] { return show_with_secret(call, id, secret, 200); });
}

// By its duration, from its end or, when that has passed, from now.
HttpResponse refresh_token(const Call& call) {
  const std::string& id = call.arguments[0];
  return edit(
      call, tokens(), id,
      [&](const Document& current, const Documents&) -> std::expected<json::object, ChangeError> {
        const auto now = call.context().now();
        const auto end = time_of(current.body, "expires_at");
        json::object token = current.body;
        if (!end) return token;  // it has none to be moved
        set_end(token, GATEHOUSE_TRY(end_of(token, std::max(end.value_or(now), now))));
        return token;
      });
}

HttpResponse remove_token(const Call& call) {
  const std::string& id = call.arguments[0];
  HttpResponse last = show_document(call, tokens(), id);
  if (last.status != 200) return last;
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        GATEHOUSE_TRY(for_change(call, documents, Kind::ServiceToken, id));
        return std::vector<Edit>{{Kind::ServiceToken, id, std::nullopt}};
      },
      [&] {
        std::erase_if(last.headers, [](const auto& header) { return header.first == "ETag"; });
        return last;
      });
}

}  // namespace

void add_service_tokens(std::vector<Operation>& operations) {
  static constexpr Paths kPaths{"access/service_tokens", "access/service_tokens/{service_token_id}",
                                kFamily, true};
  add_reads(operations, kPaths, std::make_shared<const Collection>(tokens()));
  const auto add = [&](std::string_view method, std::string_view pattern, Handler handler,
                       bool in_zones) {
    operations.push_back({method, pattern, kFamily, Access::Write, std::move(handler), in_zones});
  };
  add("POST", kPaths.all, create_token, true);
  add("PUT", kPaths.one, change_token, true);
  add("DELETE", kPaths.one, remove_token, true);
  add("POST", "access/service_tokens/{service_token_id}/rotate", rotate_token, false);
  add("POST", "access/service_tokens/{service_token_id}/refresh", refresh_token, false);
}

}  // namespace gatehouse::adapters::admin_api
