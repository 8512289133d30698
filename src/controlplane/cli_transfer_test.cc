#include "controlplane/cli_transfer.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "controlplane/journey.h"
#include "controlplane/test_support.h"

namespace gatehouse::controlplane {
namespace {

using namespace std::chrono_literals;

const std::string kKey = base64url_encode(std::string(32, 'k'));
const std::string kSecret = base64url_encode(std::string(32, 's'));

class CliTransferTest : public testing::Test {
 protected:
  CliTransferTest() { gateway_.apply(test::sample_document()); }
  Context& context() { return gateway_.context(); }
  FailureKind begin_failure(const TransferQuery& query) {
    const auto url = begin_transfer(context(), "wiki.example.com", query, "nsession");
    return url ? FailureKind::NotReady : url.error().kind;
  }
  std::optional<std::string> take(std::string_view secret) {
    return take_transfer(context(), "", secret).value();
  }
  void put(Instant expires_at) {
    ASSERT_TRUE(gateway_.store
                    ->add_trial({"transfer/" + transfer_id(kSecret), "access transfer", "waiting",
                                 gateway_.now, expires_at, R"({"sealed":"box"})"},
                                kMaxTransfers)
                    .value());
  }
  test::TestGateway gateway_;
};

TEST_F(CliTransferTest, CodeIsOfTheKeyAndEasyToRead) {
  EXPECT_EQ(transfer_code(kKey), transfer_code(kKey));
  EXPECT_NE(transfer_code(kKey), transfer_code(kSecret));
  const auto code = transfer_code(kKey);
  EXPECT_EQ(code.size(), 9U);
  EXPECT_EQ(code[4], '-');
  EXPECT_EQ(code.find_first_of("01IO"), std::string::npos);
}

TEST(TransferDestination, IsThePathOfTheWayBackAndElseTheRedirect) {
  const struct {
    const char* redirect;
    const char* expected;
  } cases[] = {
      {"/", "/"},
      {"/a?path=/b", "/a?path=/b"},
      {"/cdn-cgi/access/cli/confirm?path=%2Fa%3Fb&key=x", "/a?b"},
      {"/cdn-cgi/access/cli/confirm?path=/a", "/a"},
      {"/cdn-cgi/access/cli/confirm?key=x&path=/a", ""},
      {"/cdn-cgi/access/cli/confirm", ""},
      {"/cdn-cgi/access/cli/confirm/../x?path=/a", ""},
      {"/cdn-cgi/access/cli/confirmed?path=/a", ""},
      {"/cdn-cgi/access/cli/confirm?path=%zz", ""},
      {"/cdn-cgi/access/cli/confirm?path=/a&key=x\r\nSet-Cookie: a=b", ""},
      {"/cdn-cgi/access/cli/confirm?path=/a&key=\\x", ""},
      {"/cdn-cgi/access/logout", "/cdn-cgi/access/logout"},
  };
  for (const auto& test : cases) EXPECT_EQ(destination_of(test.redirect), test.expected);
}

TEST_F(CliTransferTest, WaitsForItsSecretOnce) {
  EXPECT_FALSE(take(kSecret));
  put(gateway_.now + kTransferLifetime);
  EXPECT_FALSE(take(kKey));
  EXPECT_FALSE(take(transfer_id(kSecret)));
  EXPECT_FALSE(take(""));
  EXPECT_FALSE(take(kSecret + "A"));
  EXPECT_EQ(take(kSecret), "box");
  EXPECT_FALSE(take(kSecret));
}

TEST_F(CliTransferTest, WaitsForFiveMinutes) {
  const auto end = gateway_.now + kTransferLifetime;
  put(end);
  gateway_.now = end;
  EXPECT_FALSE(take(kSecret));
  gateway_.now = end - 1s;
  EXPECT_EQ(take(kSecret), "box");
}

TEST_F(CliTransferTest, BeginsOnlyWithKeyAndIdAndForAnApplication) {
  const auto id = transfer_id(kSecret);
  EXPECT_EQ(begin_failure({"/", "", id}), FailureKind::TransactionInvalid);
  EXPECT_EQ(begin_failure({"/", kKey, ""}), FailureKind::TransactionInvalid);
  EXPECT_EQ(begin_failure({"/", kKey, std::string(43, '&')}), FailureKind::TransactionInvalid);
  EXPECT_EQ(begin_transfer(context(), "nowhere.example", {"/", kKey, id}, "n").error().kind,
            FailureKind::UnknownApplication);
}

}  // namespace
}  // namespace gatehouse::controlplane
