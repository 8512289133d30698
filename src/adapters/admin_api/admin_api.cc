#include "adapters/admin_api/admin_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "adapters/admin_api/operations.h"
#include "base/encoding.h"
#include "base/time.h"
#include "base/try.h"
#include "controlplane/api_token.h"
#include "controlplane/limiter.h"
#include "platform/random.h"

namespace gatehouse::adapters {
namespace {

using namespace admin_api;
using net::HttpRequest;
using net::HttpResponse;

constexpr std::string_view kBase = "/client/v4/";
constexpr std::size_t kReferenceDigits = 32;
constexpr std::size_t kRayDigits = 16;

HttpResponse no_route(std::string_view path, std::string_view why = {}) {
  return failure(404, {{kNoRoute,
                        fmt::format("Could not route to {}, perhaps your object identifier is "
                                    "invalid?{}{}",
                                    path, why.empty() ? "" : " ", why),
                        ""}});
}

HttpResponse not_authenticated() {
  return failure(403, {{kAuthentication, "Authentication error", ""}});
}

HttpResponse invalid_headers(std::string_view what) {
  return failure(400, {{kInvalidHeaders, fmt::format("Invalid request headers: {}", what), ""}});
}

std::string reference_of(const HttpRequest& request) {
  const auto given = request.header("Gatehouse-Request-Id");
  if (given && given->size() == kReferenceDigits && hex_decode(*given)) return ascii_lower(*given);
  return random_hex(kReferenceDigits / 2);
}

// The token, wherever the client puts it; a header that is there twice could be read as either.
std::expected<std::string, HttpResponse> secret_of(const HttpRequest& request) {
  for (const std::string_view name :
       {"Authorization", "X-Auth-Email", "X-Auth-Key", "X-Auth-User-Service-Key"}) {
    if (request.count(name) > 1)
      return std::unexpected(invalid_headers(fmt::format("`{}` is there more than once", name)));
  }
  if (const auto authorization = request.header("Authorization")) {
    const auto space = authorization->find(' ');
    if (space == std::string_view::npos ||
        !ascii_iequals(authorization->substr(0, space), "Bearer"))
      return std::unexpected(invalid_headers("`Authorization` must be `Bearer` and a token"));
    return std::string(trim(authorization->substr(space + 1)));
  }
  if (const auto key = request.header("X-Auth-Key")) return std::string(*key);
  if (const auto key = request.header("X-Auth-User-Service-Key")) return std::string(*key);
  return std::unexpected(not_authenticated());
}

// What a path begins with: /accounts/{id}/... or /zones/{id}/...
struct Place {
  Prefix prefix = Prefix::Account;
  std::string id;
  std::string_view rest;  // empty: the account or zone itself
};

class AdminApi {
 public:
  explicit AdminApi(AdminApiOptions options)
      : options_(std::move(options)),
        admitted_(std::max(options_.requests, 1), options_.window),
        rejected_(std::max(options_.requests, 1), options_.window) {}

  [[nodiscard]] HttpResponse answer(const HttpRequest& request) {
    const std::string reference = reference_of(request);
    HttpResponse response = judge(request, reference);
    response.headers.emplace_back("Cache-Control", "no-store");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.headers.emplace_back("cf-ray", reference.substr(0, kRayDigits));
    return response;
  }

 private:
  [[nodiscard]] controlplane::Context& context() const {
    return options_.services.gateway.context();
  }

  // The operation, or the answer that needs none.
  [[nodiscard]] HttpResponse judge(const HttpRequest& request, const std::string& reference) {
    IpAddress client;
    if (!options_.trusted) {
      const auto address = request.header("Gatehouse-Client-Ip");
      const auto parsed = address ? IpAddress::parse(*address) : std::nullopt;
      if (!parsed) return invalid_headers("the proxy did not say whose request this is");
      client = *parsed;
      const auto contains = [&](const IpNetwork& network) { return network.contains(client); };
      if (!options_.person && std::ranges::none_of(options_.allowed_networks, contains)) {
        return failure(403, {{kUnauthorized,
                              fmt::format("requests from {} are not allowed: see the setting "
                                          "`api.allow_from`",
                                          client.to_string()),
                              ""}});
      }
    }
    if (!request.path.starts_with(kBase)) return no_route(printable(request.path));
    const std::string_view path = std::string_view(request.path).substr(kBase.size());
    const auto place = place_of(path);
    OperationTable::Match match;
    if (place && !place->rest.empty()) {
      if (const auto why = why_not_served(place->rest))
        return no_route(printable(request.path), *why);
      match = table_.find(place->rest, place->prefix);
      if (match.methods.empty()) return no_route(printable(request.path));
    } else if (!place && path != "user/tokens/verify" && path != "accounts" && path != "zones") {
      return no_route(printable(request.path));
    }
    const std::string allowed = match.methods.empty() ? "GET, HEAD, OPTIONS" : match.allowed();
    if (request.method == "OPTIONS") return {204, {{"Allow", allowed}}, ""};
    const Operation* operation = match.method(request.method);
    const bool is_own_read =
        match.methods.empty() && (request.method == "GET" || request.method == "HEAD");
    if (operation == nullptr && !is_own_read) {
      auto response =
          failure(405, {{kNotAllowed, "method not allowed for this authentication scheme", ""}});
      response.headers.emplace_back("Allow", allowed);
      return response;
    }
    if (!net::parse_form(request.query))
      return invalid("", "the query is not encoded as it should be");

    auto token = authenticate(request, client);
    if (!token) return std::move(token.error());
    auto account = controlplane::account_id(context().dependencies.store);
    if (!account) return unavailable();
    if (place && place->id != *account) {
      return failure(403, {{kUnauthorized,
                            fmt::format("Unauthorized to access requested resource: this gateway "
                                        "has one account, `{}`, whose id is also that of its zone",
                                        *account),
                            ""}});
    }
    const Call call{.services = options_.services,
                    .request = request,
                    .account_id = std::move(*account),
                    .arguments = std::move(match.arguments),
                    .token = std::move(*token),
                    .asker = asker(),
                    .client = client,
                    .reference = reference};
    if (operation == nullptr) return own_read(call, path, place);
    if (!controlplane::may(call.token, operation->family, operation->access == Access::Write)) {
      return failure(
          403,
          {{kNotAllowed,
            fmt::format("method not allowed for this token: it must be allowed to {} `{}`",
                        operation->access == Access::Write ? "change" : "read", operation->family),
            ""}});
    }
    return operation->handler(call);
  }

  [[nodiscard]] static std::string printable(std::string_view path) {
    constexpr std::size_t kMostBytes = 200;
    std::string text(path.substr(0, kMostBytes));
    std::ranges::replace_if(text, [](char c) { return c < 0x21 || c > 0x7e; }, '?');
    return text;
  }

  [[nodiscard]] static std::optional<Place> place_of(std::string_view path) {
    for (const auto prefix : {Prefix::Account, Prefix::Zone}) {
      const std::string_view word = prefix == Prefix::Account ? "accounts/" : "zones/";
      if (!path.starts_with(word)) continue;
      path.remove_prefix(word.size());
      const auto slash = path.find('/');
      auto id = percent_decode(path.substr(0, slash));
      if (!id || id->empty()) return std::nullopt;
      if (slash != std::string_view::npos && slash + 1 == path.size()) return std::nullopt;
      return Place{prefix, std::move(*id),
                   slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1)};
    }
    return std::nullopt;
  }

  [[nodiscard]] std::expected<storage::ApiToken, HttpResponse> authenticate(
      const HttpRequest& request, const IpAddress& client) {
    if (options_.trusted) return *options_.trusted;
    if (options_.person) {
      auto person = GATEHOUSE_TRY(options_.person(request, client));
      if (!is_admitted(admitted_, person.session)) return std::unexpected(too_many());
      return std::move(person.authority);
    }
    auto& store = context().dependencies.store;
    const auto now = context().now();
    const std::string secret = GATEHOUSE_TRY(secret_of(request));
    auto token = controlplane::find_api_token(store, secret, now);
    if (!token) return std::unexpected(unavailable());
    if (!*token) {
      if (!is_admitted(rejected_, controlplane::limiter_key(client)))
        return std::unexpected(too_many());
      return std::unexpected(not_authenticated());
    }
    if (!is_admitted(admitted_, (*token)->id)) return std::unexpected(too_many());
    return std::move(**token);
  }

  [[nodiscard]] Asker asker() const {
    if (options_.trusted) return Asker::Socket;
    return options_.person ? Asker::Person : Asker::Token;
  }

  [[nodiscard]] bool is_admitted(controlplane::Limiter& limiter, std::string_view key) {
    return options_.requests == 0 || limiter.admit(key, context().now());
  }
  [[nodiscard]] HttpResponse too_many() const {
    auto response = failure(
        429,
        {{kRateLimited,
          fmt::format("more than {} requests in {} s{}", options_.requests, options_.window.count(),
                      options_.person ? "" : ": see the setting `api.requests_per_5_minutes`"),
          ""}});
    response.headers.emplace_back("Retry-After", std::to_string(options_.window.count()));
    return response;
  }

  // What clients look up before they ask for anything: whose token it is, the account, the zone.
  [[nodiscard]] HttpResponse own_read(const Call& call, std::string_view path,
                                      const std::optional<Place>& place) const {
    if (path == "user/tokens/verify") {
      json::object token{{"id", call.token.id}, {"status", "active"}};
      if (call.token.expires_at) token["expires_on"] = format_rfc3339(*call.token.expires_at);
      return success(std::move(token));
    }
    const auto configuration = context().configuration();
    const auto* organization = configuration ? &configuration->resources->organization : nullptr;
    const json::object account{{"id", call.account_id},
                               {"name", organization ? organization->name : "Gatehouse"},
                               {"type", "standard"},
                               {"settings", json::object{}}};
    const bool is_zone = path.starts_with("zones");
    json::object subject = account;
    if (is_zone) {
      subject = {{"id", call.account_id},
                 {"name", organization ? organization->auth_domain : ""},
                 {"status", "active"},
                 {"paused", false},
                 {"type", "full"},
                 {"account", {{"id", call.account_id}, {"name", account.at("name")}}}};
    }
    if (place) return success(std::move(subject));
    const auto name = call.query("name");
    json::array all;
    if (!name || name->empty() || *name == subject.at("name").as_string().c_str())
      all.emplace_back(std::move(subject));
    auto paging = paging_of(call, 20);
    if (!paging) return std::move(paging.error());
    const std::size_t total = all.size();
    if (paging->page > 1) all.clear();
    return list(std::move(all), paging->page, paging->per_page, total);
  }

  AdminApiOptions options_;
  OperationTable table_;
  controlplane::Limiter admitted_;  // by token
  controlplane::Limiter rejected_;  // by address: credentials that are nobody's
};

}  // namespace

net::Router make_admin_api_router(AdminApiOptions options) {
  auto api = std::make_shared<AdminApi>(std::move(options));
  return [api](const HttpRequest&) -> net::Route {
    return {net::Pool::Store, [api](const HttpRequest& request) { return api->answer(request); }};
  };
}

}  // namespace gatehouse::adapters
