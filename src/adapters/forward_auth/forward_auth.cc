#include "adapters/forward_auth/forward_auth.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/forward_auth/original_request.h"
#include "base/encoding.h"
#include "base/ip_ranges.h"
#include "base/json.h"
#include "decision/readings.h"
#include "enforcement/decision_record.h"
#include "enforcement/identity_headers.h"
#include "enforcement/respond.h"
#include "platform/random.h"

namespace gatehouse::adapters {
namespace {

using decision::Effect;
using enforcement::EnforcementPoint;
using net::HttpRequest;
using net::HttpResponse;

constexpr std::string_view kForwarded = "/forward-auth";
constexpr std::string_view kNginx = "/forward-auth/nginx";
constexpr std::string_view kNginxAnswer = "/forward-auth/nginx/answer";
constexpr std::string_view kOwnPaths = "/cdn-cgi/access";
constexpr std::string_view kBadRequest = "bad_request";
constexpr std::size_t kRequestIdBytes = 16;

gh_text text(std::string_view value) { return {value.data(), value.size()}; }

HttpResponse plain(int status, std::string_view message) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
          std::string(message) + "\n"};
}

// The value of the only header of that name, while the decision is made.
gh_text header_of(void* source, const char* name) {
  return text(static_cast<const HttpRequest*>(source)->header(name).value_or(""));
}

gh_credentials credentials_of(const HttpRequest& request) {
  gh_credentials credentials{};
  for (const auto& [name, value] : request.headers) {
    if (ascii_iequals(name, "Cookie")) {
      gh_collect_cookies(value.data(), value.size(), nullptr, &credentials);
      continue;
    }
    switch (enforcement::classify_header(ascii_lower(name))) {
      case GH_HEADER_ACCESS_TOKEN:
        credentials.header_token = text(value);
        ++credentials.header_token_count;
        break;
      case GH_HEADER_CLIENT_ID:
        credentials.client_id = text(value);
        ++credentials.client_id_count;
        break;
      case GH_HEADER_CLIENT_SECRET:
        credentials.client_secret = text(value);
        ++credentials.client_secret_count;
        break;
      case GH_HEADER_IDENTITY:
      case GH_HEADER_FOREIGN:
        break;
    }
  }
  return credentials;
}

// The application's own cookies.
std::string foreign_cookies(const HttpRequest& request) {
  std::string left;
  for (const auto& [name, value] : request.headers) {
    if (!ascii_iequals(name, "Cookie")) continue;
    std::string stripped(value.size(), '\0');
    std::size_t size = value.size();
    if (gh_strip_cookies(value.data(), value.size(), stripped.data(), &size) != 0)
      stripped.resize(size);
    else
      stripped = value;
    if (!left.empty() && !stripped.empty()) left += "; ";
    left += stripped;
  }
  return left;
}

// INVARIANT 2: what we are shown is what the application would get, so a proxy that lets an
// identity header through is noticed at the first request that carries one.
std::optional<std::string> identity_header(const HttpRequest& request, ForwardAuthForm form) {
  for (const auto& [name, value] : request.headers) {
    const std::string lower = ascii_lower(name);
    if (enforcement::classify_header(lower) == GH_HEADER_IDENTITY && !is_of_the_proxy(form, lower))
      return name;
  }
  return std::nullopt;
}

// Whether some reading of the path is one of our endpoints, which never reach an application.
bool is_own_path(std::string_view target) {
  const auto own = [](std::string_view path) {
    return ascii_lower(path.substr(0, kOwnPaths.size() + 1)) == "/cdn-cgi/access/" ||
           ascii_iequals(path, kOwnPaths);
  };
  const std::string_view path = target.substr(0, target.find('?'));
  if (own(path)) return true;
  if (decision::is_plain_path(path)) return false;
  bool found = false;
  static_cast<void>(decision::all_readings(path, [&](std::string_view reading) {
    found = own(reading);
    return !found;
  }));
  return found;
}

struct Judged {
  OriginalRequest original;
  std::string request_id;
  EnforcementPoint::Outcome outcome;  // borrows from the request and until the next decision
};

class ForwardAuth {
 public:
  explicit ForwardAuth(ForwardAuthOptions options)
      : options_(std::move(options)),
        trusted_peers_(options_.trusted_peers),
        point_(std::move(options_.point)) {}

  net::Route route(const HttpRequest& request) {
    // INVARIANT: method, host, path and client address come from configured peers only.
    if (!request.peer || !trusted_peers_.contains(*request.peer)) {
      return inline_route([this](const HttpRequest& r) {
        return refuse_request(r, 403, "this address is not among forward_auth.trusted_peers");
      });
    }
    if (request.path == kForwarded) return judging(ForwardAuthForm::Forwarded, &ForwardAuth::final);
    if (request.path == kNginx) return judging(ForwardAuthForm::Nginx, &ForwardAuth::for_nginx);
    if (request.path == kNginxAnswer)
      return judging(ForwardAuthForm::Nginx, &ForwardAuth::nginx_answer);
    if (request.path == kExtAuthzPrefix ||
        request.path.starts_with(std::string(kExtAuthzPrefix) + "/"))
      return judging(ForwardAuthForm::ExtAuthz, &ForwardAuth::final);
    return passed_on(request);
  }

 private:
  using Render = HttpResponse (*)(HttpResponse);

  template <typename Handle>
  static net::Route inline_route(Handle handle) {
    return {net::Pool::Inline, std::move(handle)};
  }
  net::Route judging(ForwardAuthForm form, Render render) {
    return inline_route(
        [this, form, render](const HttpRequest& request) { return render(judge(request, form)); });
  }

  // A proxy takes any 2xx for an allowance, so our own answer to a preflight must not look like
  // one.
  static HttpResponse final(HttpResponse response) {
    if (response.status != 200 && response.status < 300) response.status = 403;
    return response;
  }
  // auth_request knows 2xx, 401 and 403.
  static HttpResponse for_nginx(HttpResponse response) {
    if (response.status == 200 || response.status == 401) return response;
    response.status = response.status == 302 ? 401 : 403;
    return response;
  }
  // The client's answer, after /forward-auth/nginx refused.
  static HttpResponse nginx_answer(HttpResponse response) {
    if (response.status != 200) return response;
    HttpResponse again = plain(503, "allowed by now: please repeat the request");
    again.headers.emplace_back("Retry-After", "0");
    return again;
  }

  HttpResponse judge(const HttpRequest& request, ForwardAuthForm form) {
    auto original = read_original_request(form, request, trusted_peers_);
    if (!original) return refuse_request(request, 400, original.error());
    Judged judged{std::move(*original), random_hex(kRequestIdBytes), {}};
    if (const auto name = identity_header(request, form))
      return refuse_request(request, 400, "the header `" + *name + "` is not let through", &judged);
    if (is_own_path(judged.original.target))
      return refuse_request(request, 404, "the gateway's own path: pass it on to the gateway",
                            &judged);

    const gh_credentials credentials = credentials_of(request);
    std::array<std::uint8_t, 16> address = judged.original.client.bytes();
    gh_request asked{};
    asked.host = text(judged.original.host);
    asked.target = text(judged.original.target);
    asked.address = address.data();
    asked.address_size = address.size();
    if (judged.original.client.is_v4()) {
      asked.address += 12;
      asked.address_size = 4;
    }
    const Instant now = options_.clock();
    asked.now = to_epoch_seconds(now);
    asked.is_options = judged.original.method == "OPTIONS" ? 1 : 0;
    asked.certificate_unknown = 1;
    asked.credentials = &credentials;
    asked.lookup.header = header_of;
    asked.lookup.source = const_cast<HttpRequest*>(&request);  // C: only read
    judged.outcome = point_.decide(asked);

    const Effect effect = judged.outcome.decision.effect;
    HttpResponse response = effect == Effect::Allow || effect == Effect::Bypass
                                ? allow(request, judged)
                                : refuse(request, asked, judged);
    if (sample_.takes(effect)) log_decision(judged, now, response.status);
    return response;
  }

  static HttpResponse allow(const HttpRequest& request, const Judged& judged) {
    const auto& outcome = judged.outcome;
    HttpResponse response{200, {{"Cache-Control", "no-store"}}, ""};
    const auto add = [&](std::string_view name, std::string_view value) {
      if (!value.empty()) response.headers.emplace_back(name, value);
    };
    // Also when nothing is left, so that it replaces the client's.
    response.headers.emplace_back("Cookie", foreign_cookies(request));
    // Where service credentials may stand: without them, or as it came.
    if (const auto& name = outcome.application->read_service_tokens_from_header; !name.empty()) {
      const auto value = request.header(name);
      if (!outcome.credential_header.empty())
        response.headers.emplace_back(name, "");
      else if (value)
        response.headers.emplace_back(name, *value);
    }
    if (outcome.decision.effect != Effect::Allow) return response;
    add("Cf-Access-Jwt-Assertion", outcome.assertion);
    if (outcome.session != nullptr)
      add("Cf-Access-Authenticated-User-Email", outcome.session->identity.email);
    if (!outcome.application->decision_headers) return response;
    if (outcome.decision.policy != nullptr) {
      add("Gatehouse-Policy-Id", outcome.decision.policy->id);
      add("Gatehouse-Policy-Name", percent_encode(outcome.decision.policy->name));
    }
    if (outcome.session != nullptr) {
      const auto& integrations = outcome.application->posture_integrations;
      const auto& posture = outcome.session->posture;
      const auto device = std::ranges::find_if(posture, [&](const auto& evidence) {
        return std::ranges::find(integrations, evidence.integration_id) != integrations.end();
      });
      if (device != posture.end()) add("Gatehouse-Device-Id", percent_encode(device->device_id));
    }
    add("Gatehouse-Request-Id", judged.request_id);
    return response;
  }

  HttpResponse refuse(const HttpRequest& request, const gh_request& asked,
                      const Judged& judged) const {
    const auto header = [&](std::string_view name) {
      return text(request.header(name).value_or(""));
    };
    const std::string app_session = request.cookie("CF_AppSession").value_or("");
    gh_particulars particulars{};
    particulars.method = text(judged.original.method);
    particulars.sec_fetch_mode = header("Sec-Fetch-Mode");
    particulars.accept = header("Accept");
    particulars.x_requested_with = header("X-Requested-With");
    particulars.upgrade = header("Upgrade");
    particulars.content_type = header("Content-Type");
    particulars.origin = header("Origin");
    particulars.access_control_request_method = header("Access-Control-Request-Method");
    particulars.access_control_request_headers = header("Access-Control-Request-Headers");
    particulars.app_session = text(app_session);
    particulars.request_id = text(judged.request_id);
    particulars.accept_language = header("Accept-Language");
    enforcement::Response made = enforcement::respond(judged.outcome, point_.snapshot(), asked,
                                                      particulars, random_bytes(16));
    HttpResponse response{made.status, {}, std::move(made.body)};
    const auto add = [&](std::string name, std::string value) {
      if (!value.empty()) response.headers.emplace_back(std::move(name), std::move(value));
    };
    add("Content-Type", std::move(made.content_type));
    add("Location", std::move(made.location));
    for (auto& [name, value] : made.headers) add(std::move(name), std::move(value));
    return response;
  }

  // Sign-in, log-out and the like: with what nginx would say about the client.
  net::Route passed_on(const HttpRequest& request) {
    const auto original = read_passed_on(request, trusted_peers_);
    if (!original) {
      return inline_route([this, why = original.error()](const HttpRequest& r) {
        return refuse_request(r, 400, why);
      });
    }
    HttpRequest translated = request;
    std::erase_if(translated.headers, [](const auto& header) {
      return ascii_iequals(header.first, "Host") ||
             enforcement::classify_header(ascii_lower(header.first)) == GH_HEADER_IDENTITY;
    });
    translated.headers.emplace_back("Host", original->host);
    translated.headers.emplace_back("Gatehouse-Client-Ip", original->client.to_string());
    translated.headers.emplace_back("Gatehouse-Request-Id", random_hex(kRequestIdBytes));
    net::Route route = options_.access(translated);
    return {route.pool, [handler = std::move(route.handler), translated = std::move(translated)](
                            const HttpRequest&) { return handler(translated); }};
  }

  void log_decision(const Judged& judged, Instant now, int status) const {
    const auto& outcome = judged.outcome;
    json::object record =
        record_of(judged.request_id, now, decision::to_string(outcome.decision.effect));
    const bool passes =
        outcome.decision.effect == Effect::Allow || outcome.decision.effect == Effect::Bypass;
    record["reason"] = passes ? "" : decision::info(outcome.decision.reason).code;
    record["application"] = outcome.application == nullptr ? "" : outcome.application->id;
    record["policy"] = outcome.decision.policy == nullptr ? "" : outcome.decision.policy->id;
    describe(record, judged.original, status);
    record["evidence"] = enforcement::evidence_ages(outcome, now);
    record["transaction"] = outcome.transaction;
    options_.log->append(json::serialize(record));
  }

  // A request on which no decision could be asked for.
  HttpResponse refuse_request(const HttpRequest& request, int status, const std::string& why,
                              const Judged* judged = nullptr) const {
    json::object record = record_of(judged == nullptr ? "" : judged->request_id, options_.clock(),
                                    decision::to_string(Effect::Deny));
    record["reason"] = kBadRequest;
    if (judged != nullptr) {
      describe(record, judged->original, status);
    } else {
      record["ip"] = request.peer ? request.peer->to_string() : "";
      record["status"] = status;
    }
    record["detail"] = why;
    options_.log->append(json::serialize(record));
    return plain(status, why);
  }

  static json::object record_of(std::string_view reference, Instant now, std::string_view effect) {
    json::object record;
    record["at"] = format_rfc3339(now);
    record["reference"] = reference;
    record["effect"] = effect;
    return record;
  }
  static void describe(json::object& record, const OriginalRequest& original, int status) {
    record["ip"] = original.client.to_string();
    record["host"] = original.host;
    record["method"] = original.method;
    record["status"] = status;
  }

  ForwardAuthOptions options_;
  const IpRanges trusted_peers_;
  EnforcementPoint point_;
  enforcement::DecisionSample sample_{options_.allow_sample};
};

}  // namespace

net::Router make_forward_auth_router(ForwardAuthOptions options) {
  return [forward_auth = std::make_shared<ForwardAuth>(std::move(options))](
             const HttpRequest& request) { return forward_auth->route(request); };
}

}  // namespace gatehouse::adapters
