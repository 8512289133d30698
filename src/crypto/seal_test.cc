#include "crypto/seal.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "base/check.h"
#include "base/encoding.h"

namespace gatehouse::crypto {
namespace {

const std::string kKey(kSealKeyBytes, 'k');
const std::string kNonce(kSealNonceBytes, 'n');

TEST(Seal, OpensWhatItSealed) {
  for (const std::string& plain :
       {std::string(), std::string("x"), std::string("a\0b", 3), std::string(100'000, 'p')}) {
    const std::string sealed = seal(kKey, kNonce, "purpose", plain);
    EXPECT_EQ(sealed.size(), kSealNonceBytes + plain.size() + 16);
    EXPECT_EQ(open_sealed(kKey, "purpose", sealed), plain);
  }
}

// The Galois/Counter Mode of Operation (McGrew, Viega), test case 13.
TEST(Seal, AnswersTheVector) {
  const std::string zero_key(kSealKeyBytes, '\0');
  const std::string zero_nonce(kSealNonceBytes, '\0');
  EXPECT_EQ(hex_encode(seal(zero_key, zero_nonce, "", "")),
            hex_encode(zero_nonce) + "530f8afbc74536b9a963b4f1c4cb738b");
}

TEST(Seal, StaysClosedForAnotherKeyOrPurpose) {
  const std::string sealed = seal(kKey, kNonce, "purpose", "plain");
  EXPECT_FALSE(open_sealed(std::string(kSealKeyBytes, 'l'), "purpose", sealed));
  EXPECT_FALSE(open_sealed(kKey, "", sealed));
  EXPECT_FALSE(open_sealed(kKey, "purposf", sealed));
  EXPECT_FALSE(open_sealed(kKey, "purpose ", sealed));
}

TEST(Seal, StaysClosedWhenABitOrAByteIsWrong) {
  const std::string sealed = seal(kKey, kNonce, "purpose", "plain");
  for (std::size_t i = 0; i < sealed.size() * 8; ++i) {
    std::string changed = sealed;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << i % 8));
    EXPECT_FALSE(open_sealed(kKey, "purpose", changed)) << i;
  }
  for (std::size_t length = 0; length < sealed.size(); ++length)
    EXPECT_FALSE(open_sealed(kKey, "purpose", sealed.substr(0, length))) << length;
  EXPECT_FALSE(open_sealed(kKey, "purpose", sealed + '\0'));
  EXPECT_EQ(ERR_peek_error(), 0U);  // nothing left for the next caller to stumble over
}

TEST(Seal, DemandsWholeKeysAndNonces) {
  EXPECT_THROW(static_cast<void>(seal("short", kNonce, "", "")), InvariantViolation);
  EXPECT_THROW(static_cast<void>(seal(kKey, "short", "", "")), InvariantViolation);
  EXPECT_THROW(static_cast<void>(open_sealed("short", "", "")), InvariantViolation);
}

}  // namespace
}  // namespace gatehouse::crypto
