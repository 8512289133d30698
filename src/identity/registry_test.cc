#include "identity/registry.h"

#include <gtest/gtest.h>

namespace gatehouse::identity {
namespace {

TEST(IdentityRegistry, HasWhatTheModelSaysPeopleCanSignInWith) {
  for (const auto& kind : registry()) {
    model::IdentityProvider provider;
    provider.type = kind.type;
    EXPECT_TRUE(model::can_sign_in(provider)) << kind.type;
    EXPECT_EQ(find_kind(kind.type), &kind);
  }
  for (const auto* type : {"", "onetimepin", "saml", "OIDC"})
    EXPECT_EQ(find_kind(type), nullptr) << type;
}

TEST(IdentityRegistry, AnEmptyConfigIsNeverEnough) {
  for (const auto& kind : registry()) {
    EXPECT_FALSE(kind.validate_config({}).empty()) << kind.type;
    class NoClient final : public net::HttpClient {
      std::expected<net::HttpResponse, net::OutboundError> send(
          const net::OutboundRequest&) const override {
        return std::unexpected(net::OutboundError{net::OutboundFailure::Unreachable, "none"});
      }
    } client;
    model::IdentityProvider provider;
    provider.type = kind.type;
    const auto made = kind.make(provider, client);
    ASSERT_FALSE(made) << kind.type;
    EXPECT_EQ(made.error().code, "configuration_invalid") << kind.type;
  }
}

}  // namespace
}  // namespace gatehouse::identity
