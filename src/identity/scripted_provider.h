// A provider made of answers, for the tests of login methods.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "jose/jwt.h"
#include "net/http_client.h"

namespace gatehouse::identity::testing {

inline constexpr Instant kNow{std::chrono::seconds{1'800'000'000}};
inline constexpr std::string_view kCallback = "https://auth.example/cdn-cgi/access/callback";

// Answers by URL: each answer once, the last one for ever. Keeps what it was asked.
class ScriptedClient : public net::HttpClient {
 public:
  std::expected<net::HttpResponse, net::OutboundError> send(
      const net::OutboundRequest& request) const override {
    requests.push_back(request);
    const auto found = answers_.find(request.url);
    if (found == answers_.end())
      return std::unexpected(
          net::OutboundError{net::OutboundFailure::Unreachable, "nobody listens"});
    auto answer = found->second.front();
    if (found->second.size() > 1) found->second.erase(found->second.begin());
    return answer;
  }
  void answers(std::string_view url, std::vector<net::HttpResponse> with) {
    answers_[std::string(url)] = std::move(with);
  }
  void answer(std::string_view url, const json::value& body, int status = 200) {
    answers(url, {{status, {}, json::serialize(body)}});
  }
  [[nodiscard]] std::size_t count(std::string_view url) const {
    return static_cast<std::size_t>(std::ranges::count(requests, url, &net::OutboundRequest::url));
  }

  mutable std::vector<net::OutboundRequest> requests;

 private:
  mutable std::map<std::string, std::vector<net::HttpResponse>> answers_;
};

// An OpenID Provider: discovery and keys at once, an ID token with issue().
class ScriptedProvider : public ScriptedClient {
 public:
  explicit ScriptedProvider(std::string issuer) : issuer_(std::move(issuer)) {
    answer(issuer_ + "/.well-known/openid-configuration",
           json::object{{"issuer", issuer_},
                        {"authorization_endpoint", issuer_ + "/authorize"},
                        {"token_endpoint", issuer_ + "/token"},
                        {"jwks_uri", issuer_ + "/keys"},
                        {"userinfo_endpoint", issuer_ + "/userinfo"},
                        {"token_endpoint_auth_methods_supported",
                         json::array{"client_secret_basic", "client_secret_post"}}});
    auto jwk = key().public_key().to_jwk();
    jwk["kid"] = "k";
    answer(issuer_ + "/keys", json::object{{"keys", json::array{jwk}}});
    claims = {{"iss", issuer_},
              {"aud", "gateway"},
              {"sub", "subject-1"},
              {"iat", to_epoch_seconds(kNow)},
              {"exp", to_epoch_seconds(kNow) + 3600},
              {"nonce", "nonce-1"},
              {"email", "Alice@Corp.Example"},
              {"email_verified", true},
              {"name", "Alice"}};
  }
  void issue() {
    answer(issuer_ + "/token",
           json::object{{"id_token", jose::sign_jwt(claims, key(), jose::Algorithm::RS256, "k")},
                        {"access_token", "at"},
                        {"token_type", "Bearer"}});
  }

  json::object claims;

 private:
  static const jose::PrivateKey& key() {
    static const jose::PrivateKey instance = jose::PrivateKey::generate_rsa();
    return instance;
  }
  std::string issuer_;
};

}  // namespace gatehouse::identity::testing
