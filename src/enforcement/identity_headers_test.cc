#include "enforcement/identity_headers.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace gatehouse::enforcement {
namespace {

struct Case {
  const char* name;
  gh_header_kind expected;
};

constexpr Case kCases[] = {
    {"cf-access-token", GH_HEADER_ACCESS_TOKEN},
    {"cf-access-client-id", GH_HEADER_CLIENT_ID},
    {"cf-access-client-secret", GH_HEADER_CLIENT_SECRET},
    // An odd spelling is never read as a credential, only removed.
    {"cf_access_client_id", GH_HEADER_IDENTITY},
    {"cf-access_token", GH_HEADER_IDENTITY},
    {"cf-access-jwt-assertion", GH_HEADER_IDENTITY},
    {"cf_access_jwt_assertion", GH_HEADER_IDENTITY},
    {"cf.access.jwt.assertion", GH_HEADER_IDENTITY},
    {"cf_access-jwt.assertion", GH_HEADER_IDENTITY},
    {"cf-access-jwt-assertion\xad", GH_HEADER_IDENTITY},
    {"cf-access-authenticated-user-email", GH_HEADER_IDENTITY},
    {"cf-access-user", GH_HEADER_IDENTITY},
    {"cf-access-anything-that-somebody-may-invent-tomorrow-with-a-name-longer-than-most",
     GH_HEADER_IDENTITY},
    {"gatehouse-client-ip", GH_HEADER_IDENTITY},
    {"gatehouse_policy_id", GH_HEADER_IDENTITY},
    {"gatehouse-dashboard", GH_HEADER_IDENTITY},
    {"remote-user", GH_HEADER_IDENTITY},
    {"remote_user", GH_HEADER_IDENTITY},
    {"remote-groups", GH_HEADER_IDENTITY},
    {"x-forwarded-user", GH_HEADER_IDENTITY},
    {"x-auth-request-email", GH_HEADER_IDENTITY},
    {"x-remote-user", GH_HEADER_IDENTITY},
    {"x-client-cert", GH_HEADER_IDENTITY},
    {"x-ssl-client-verify", GH_HEADER_IDENTITY},
    {"client-cert", GH_HEADER_IDENTITY},
    {"x-device-posture", GH_HEADER_IDENTITY},
    {"x-original-url", GH_HEADER_IDENTITY},
    {"x-rewrite-url", GH_HEADER_IDENTITY},
    {"proxy", GH_HEADER_IDENTITY},
    {"cf-connecting-ip", GH_HEADER_IDENTITY},
    {"x_forwarded_for", GH_HEADER_IDENTITY},
    {"x.real.ip", GH_HEADER_IDENTITY},
    // nginx sets these itself, under exactly this name.
    {"x-forwarded-for", GH_HEADER_FOREIGN},
    {"x-real-ip", GH_HEADER_FOREIGN},
    {"", GH_HEADER_FOREIGN},
    {"cookie", GH_HEADER_FOREIGN},
    {"content-type", GH_HEADER_FOREIGN},
    {"user-agent", GH_HEADER_FOREIGN},
    {"x-requested-with", GH_HEADER_FOREIGN},
    {"cf-ray", GH_HEADER_FOREIGN},
    {"proxy-connection", GH_HEADER_FOREIGN},
    {"range", GH_HEADER_FOREIGN},
};

TEST(IdentityHeaders, EverySpelling) {
  for (const Case& test : kCases) EXPECT_EQ(classify_header(test.name), test.expected) << test.name;
}

// INVARIANT 2: whatever separator an application's server may fold together.
TEST(IdentityHeaders, EverySeparator) {
  for (int separator = 0; separator < 256; ++separator) {
    const char character = static_cast<char>(separator);
    if ((character >= 'a' && character <= 'z') || (character >= '0' && character <= '9')) continue;
    for (std::string name : {"cf access jwt assertion", "cf access authenticated user email"}) {
      for (char& letter : name) letter = letter == ' ' ? character : letter;
      EXPECT_EQ(classify_header(name), GH_HEADER_IDENTITY) << hex_encode(name);
    }
  }
}

}  // namespace
}  // namespace gatehouse::enforcement
