#include "crypto/digest.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace gatehouse::crypto {
namespace {

// FIPS 180-4 examples.
TEST(Sha256, AnswersTheVectors) {
  EXPECT_EQ(hex_encode(sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_encode(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_encode(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// RFC 4231.
TEST(HmacSha256, AnswersTheVectors) {
  EXPECT_EQ(hex_encode(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex_encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex_encode(hmac_sha256(std::string(131, '\xaa'),
                                   "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex_encode(hmac_sha256("", "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  EXPECT_EQ(hmac_sha256({}, {}), hmac_sha256("", ""));
}

// RFC 5869 A.3: empty salt and info; its first 32 bytes.
TEST(DeriveKey, AnswersTheVector) {
  EXPECT_EQ(hex_encode(derive_key(std::string(22, '\x0b'), "")),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST(DeriveKey, SeparatesPurposes) {
  const std::string master(32, 'k');
  EXPECT_EQ(derive_key(master, "cookies"), derive_key(master, "cookies"));
  EXPECT_NE(derive_key(master, "cookies"), derive_key(master, "secrets"));
  EXPECT_NE(derive_key(master, "cookies"), derive_key(std::string(32, 'l'), "cookies"));
  EXPECT_EQ(derive_key(master, "cookies").size(), 32U);
}

}  // namespace
}  // namespace gatehouse::crypto
