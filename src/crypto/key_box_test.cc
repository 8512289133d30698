#include "crypto/key_box.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace gatehouse::crypto {
namespace {

const std::string kReceiver(kBoxKeyBytes, 'r');
const std::string kEphemeral(kBoxKeyBytes, 'e');

// RFC 7748 6.1.
TEST(KeyBox, MakesThePublicKeyOfTheVector) {
  const auto alice = hex_decode("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  ASSERT_TRUE(alice);
  EXPECT_EQ(hex_encode(box_public_key(*alice)),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
}

TEST(KeyBox, OpensWhatWasSealedToTheKey) {
  const auto key = box_public_key(kReceiver);
  for (const std::string& plain : {std::string(), std::string("x"), std::string(5000, 'p')}) {
    const auto sealed = seal_to_key(key, kEphemeral, "purpose", plain);
    ASSERT_TRUE(sealed);
    EXPECT_EQ(open_with_key(kReceiver, "purpose", *sealed), plain);
  }
}

TEST(KeyBox, StaysClosedForEverythingElse) {
  const auto sealed = seal_to_key(box_public_key(kReceiver), kEphemeral, "purpose", "plain");
  ASSERT_TRUE(sealed);
  EXPECT_FALSE(open_with_key(std::string(kBoxKeyBytes, 's'), "purpose", *sealed));
  EXPECT_FALSE(open_with_key(kReceiver, "other", *sealed));
  for (std::size_t i = 0; i < sealed->size(); ++i) {
    auto changed = *sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(open_with_key(kReceiver, "purpose", changed)) << i;
    EXPECT_FALSE(open_with_key(kReceiver, "purpose", sealed->substr(0, i))) << i;
  }
}

TEST(KeyBox, SealsToNoKeyOfSmallOrderOrOtherSize) {
  for (const auto& key :
       {std::string(kBoxKeyBytes, '\0'), std::string(31, 'k'), std::string(33, 'k'), std::string()})
    EXPECT_FALSE(seal_to_key(key, kEphemeral, "purpose", "plain")) << hex_encode(key);
}

}  // namespace
}  // namespace gatehouse::crypto
