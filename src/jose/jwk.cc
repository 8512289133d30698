#include "jose/jwk.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/encoding.h"
#include "base/try.h"
#include "crypto/digest.h"

namespace gatehouse::jose {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;        // verification time grows with the square
constexpr int kMaxRsaExponentBits = 64;  // and with the exponent's length
constexpr std::size_t kMaxPemBytes = 64 * 1024;
constexpr std::size_t kMaxCommonNameBytes = 64;  // X.520 ub-common-name

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(ASN1_INTEGER* integer) const { ASN1_INTEGER_free(integer); }
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
  void operator()(char* text) const { OPENSSL_free(text); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// Errors of one call must not be taken for those of a later one, ours or our host's.
class ErrorQueueGuard {
 public:
  ErrorQueueGuard() = default;
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
  ~ErrorQueueGuard() { ERR_clear_error(); }
};

enum class Family : std::uint8_t { RsaPkcs1, RsaPss, Ecdsa, EdDsa };

struct AlgorithmTraits {
  std::string_view name;
  Family family;
  int digest;                    // 256, 384, 512; EdDSA brings its own
  std::string_view group;        // of ECDSA, as OpenSSL says it
  std::size_t coordinate_bytes;  // of ECDSA
};

// In the order of Algorithm.
constexpr std::array<AlgorithmTraits, 9> kAlgorithms = {{
    {"RS256", Family::RsaPkcs1, 256, "", 0},
    {"RS384", Family::RsaPkcs1, 384, "", 0},
    {"RS512", Family::RsaPkcs1, 512, "", 0},
    {"PS256", Family::RsaPss, 256, "", 0},
    {"PS384", Family::RsaPss, 384, "", 0},
    {"PS512", Family::RsaPss, 512, "", 0},
    {"ES256", Family::Ecdsa, 256, "prime256v1", 32},
    {"ES384", Family::Ecdsa, 384, "secp384r1", 48},
    {"EdDSA", Family::EdDsa, 0, "", 0},
}};

const AlgorithmTraits& traits_of(Algorithm algorithm) {
  return kAlgorithms.at(static_cast<std::size_t>(algorithm));
}

struct Curve {
  std::string_view jwk_name;
  const char* group;
  std::size_t coordinate_bytes;
};
constexpr std::array kCurves = {Curve{"P-256", "prime256v1", 32}, Curve{"P-384", "secp384r1", 48}};
constexpr std::size_t kEd25519KeyBytes = 32;
constexpr std::size_t kEd25519SignatureBytes = 64;

// Fetched once and kept for the process.
const EVP_MD* digest_of(const AlgorithmTraits& traits) {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  static const EVP_MD* const sha384 = EVP_MD_fetch(nullptr, "SHA2-384", nullptr);
  static const EVP_MD* const sha512 = EVP_MD_fetch(nullptr, "SHA2-512", nullptr);
  switch (traits.digest) {
    case 256:
      return sha256;
    case 384:
      return sha384;
    case 512:
      return sha512;
    default:
      return nullptr;
  }
}

unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string group_of(const EVP_PKEY* key) {
  std::array<char, 64> name{};
  std::size_t length = 0;
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &length) != 1) return {};
  return std::string(name.data(), length);
}

Owned<BIGNUM> number_of(const EVP_PKEY* key, const char* parameter) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, parameter, &number);
  return Owned<BIGNUM>(number);
}

std::string bytes_of(const BIGNUM* number, std::size_t length) {
  std::string bytes(length, '\0');
  GATEHOUSE_CHECK(number != nullptr && BN_bn2binpad(number, raw(bytes), static_cast<int>(length)) ==
                                           static_cast<int>(length),
                  "a number of the key fits its field");
  return bytes;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(length));
}

// INVARIANT: every PublicKey and PrivateKey has passed here.
std::expected<std::shared_ptr<EVP_PKEY>, KeyError> accept(Owned<EVP_PKEY> key) {
  if (!key) return std::unexpected(KeyError::Malformed);
  if (EVP_PKEY_is_a(key.get(), "RSA") == 1) {
    if (EVP_PKEY_get_bits(key.get()) < kMinRsaBits) return std::unexpected(KeyError::TooWeak);
    if (EVP_PKEY_get_bits(key.get()) > kMaxRsaBits) return std::unexpected(KeyError::Unsupported);
    const auto modulus = number_of(key.get(), OSSL_PKEY_PARAM_RSA_N);
    const auto exponent = number_of(key.get(), OSSL_PKEY_PARAM_RSA_E);
    if (!modulus || !exponent) return std::unexpected(KeyError::Malformed);
    // An exponent of 1 makes every message its own signature; even numbers are no RSA key.
    if (BN_is_odd(modulus.get()) != 1 || BN_is_odd(exponent.get()) != 1 ||
        BN_is_one(exponent.get()) == 1)
      return std::unexpected(KeyError::TooWeak);
    if (BN_num_bits(exponent.get()) > kMaxRsaExponentBits)
      return std::unexpected(KeyError::Unsupported);
  } else if (EVP_PKEY_is_a(key.get(), "EC") == 1) {
    // RFC 5480 2.1.1: named curves only. Parameters spelled out were CVE-2020-0601.
    int spelled_out = 0;
    if (EVP_PKEY_get_int_param(key.get(), OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                               &spelled_out) != 1 ||
        spelled_out != 0)
      return std::unexpected(KeyError::Unsupported);
    const std::string group = group_of(key.get());
    if (std::ranges::none_of(kCurves, [&](const Curve& curve) { return curve.group == group; }))
      return std::unexpected(KeyError::Unsupported);
    const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    if (!context || EVP_PKEY_public_check(context.get()) != 1)
      return std::unexpected(KeyError::Malformed);
  } else if (EVP_PKEY_is_a(key.get(), "ED25519") != 1) {
    return std::unexpected(KeyError::Unsupported);
  }
  return std::shared_ptr<EVP_PKEY>(key.release(), Free());
}

bool key_fits(const EVP_PKEY* key, Algorithm algorithm) {
  if (key == nullptr) return false;
  const AlgorithmTraits& traits = traits_of(algorithm);
  switch (traits.family) {
    case Family::RsaPkcs1:
    case Family::RsaPss:
      return EVP_PKEY_is_a(key, "RSA") == 1;
    case Family::Ecdsa:
      return EVP_PKEY_is_a(key, "EC") == 1 && group_of(key) == traits.group;
    case Family::EdDsa:
      return EVP_PKEY_is_a(key, "ED25519") == 1;
  }
  return false;
}

std::size_t signature_bytes(const EVP_PKEY* key, const AlgorithmTraits& traits) {
  switch (traits.family) {
    case Family::RsaPkcs1:
    case Family::RsaPss:
      return static_cast<std::size_t>(EVP_PKEY_get_size(key));
    case Family::Ecdsa:
      return 2 * traits.coordinate_bytes;
    case Family::EdDsa:
      return kEd25519SignatureBytes;
  }
  return 0;
}

// RFC 7518 3.5: the salt is as long as the digest, MGF1 uses the same digest (OpenSSL's default).
bool set_padding(EVP_PKEY_CTX* context, const AlgorithmTraits& traits) {
  if (traits.family == Family::RsaPkcs1)
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  if (traits.family == Family::RsaPss)
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
  return true;
}

// RFC 7518 3.4: R and S one after the other, each of the curve's length. OpenSSL speaks DER.
std::string ecdsa_der_from_raw(std::string_view signature) {
  const std::size_t half = signature.size() / 2;
  Owned<BIGNUM> r(BN_bin2bn(raw(signature), static_cast<int>(half), nullptr));
  Owned<BIGNUM> s(BN_bin2bn(raw(signature.substr(half)), static_cast<int>(half), nullptr));
  const Owned<ECDSA_SIG> both(ECDSA_SIG_new());
  GATEHOUSE_CHECK(r && s && both && ECDSA_SIG_set0(both.get(), r.release(), s.release()) == 1,
                  "a signature of fixed length is two numbers");
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(both.get(), &der);
  const Owned<unsigned char> owned(der);
  GATEHOUSE_CHECK(length > 0, "two numbers have a DER form");
  return std::string(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
}

std::string ecdsa_raw_from_der(std::string_view der, std::size_t coordinate_bytes) {
  const unsigned char* cursor = raw(der);
  const Owned<ECDSA_SIG> both(d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(der.size())));
  GATEHOUSE_CHECK(both != nullptr, "OpenSSL writes signatures that it reads");
  return bytes_of(ECDSA_SIG_get0_r(both.get()), coordinate_bytes) +
         bytes_of(ECDSA_SIG_get0_s(both.get()), coordinate_bytes);
}

std::optional<Instant> instant_of(const ASN1_TIME* time) {
  std::tm fields{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &fields) != 1) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year{fields.tm_year + 1900},
      std::chrono::month{static_cast<unsigned>(fields.tm_mon + 1)},
      std::chrono::day{static_cast<unsigned>(fields.tm_mday)}};
  return std::chrono::sys_days{date} + std::chrono::hours{fields.tm_hour} +
         std::chrono::minutes{fields.tm_min} + std::chrono::seconds{fields.tm_sec};
}

struct PemBlock {
  std::string name;
  std::string der;
};

// The only block of a PEM text, without encryption headers. Text around it is not looked at.
std::optional<PemBlock> read_only_block(std::string_view pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::optional<PemBlock> found;
  for (;;) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long length = 0;
    if (bio == nullptr || PEM_read_bio(bio.get(), &name, &header, &data, &length) != 1) break;
    const Owned<char> owned_name(name);
    const Owned<char> owned_header(header);
    const Owned<unsigned char> owned_data(data);
    if (found || *header != '\0') return std::nullopt;
    found = PemBlock{
        name, std::string(reinterpret_cast<const char*>(data), static_cast<std::size_t>(length))};
  }
  // Another reason than the end of the text means a block that is broken.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) return std::nullopt;
  return found;
}

// RFC 7517 4.2, 4.3: a key for encryption verifies nothing, whatever its type.
std::expected<void, KeyError> check_purpose(const json::object& jwk) {
  if (jwk.contains("use")) {
    const auto use = json::find_string(jwk, "use");
    if (!use) return std::unexpected(KeyError::Malformed);
    if (*use != "sig") return std::unexpected(KeyError::NotForSigning);
  }
  if (jwk.contains("key_ops")) {
    const json::array* operations = json::find_array(jwk, "key_ops");
    if (operations == nullptr) return std::unexpected(KeyError::Malformed);
    if (std::ranges::none_of(*operations, [](const json::value& operation) {
          return operation.is_string() && operation.get_string() == "verify";
        }))
      return std::unexpected(KeyError::NotForSigning);
  }
  return {};
}

std::expected<std::string, KeyError> find_bytes(const json::object& jwk, std::string_view member) {
  const auto text = json::find_string(jwk, member);
  if (!text || text->empty()) return std::unexpected(KeyError::Malformed);
  auto bytes = base64url_decode(*text);
  if (!bytes) return std::unexpected(KeyError::Malformed);
  return std::move(*bytes);
}

Owned<EVP_PKEY> key_from_parameters(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return Owned<EVP_PKEY>(key);
}

std::expected<Owned<EVP_PKEY>, KeyError> rsa_from_jwk(const json::object& jwk) {
  const std::string modulus_bytes = GATEHOUSE_TRY(find_bytes(jwk, "n"));
  const std::string exponent_bytes = GATEHOUSE_TRY(find_bytes(jwk, "e"));
  // Before OpenSSL computes with it.
  if (modulus_bytes.size() > 2 * kMaxRsaBits / 8 || exponent_bytes.size() > kMaxRsaBits / 8)
    return std::unexpected(KeyError::Unsupported);
  const Owned<BIGNUM> modulus(
      BN_bin2bn(raw(modulus_bytes), static_cast<int>(modulus_bytes.size()), nullptr));
  const Owned<BIGNUM> exponent(
      BN_bin2bn(raw(exponent_bytes), static_cast<int>(exponent_bytes.size()), nullptr));
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!modulus || !exponent || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
    return std::unexpected(KeyError::Malformed);
  return key_from_parameters("RSA", builder.get());
}

std::expected<Owned<EVP_PKEY>, KeyError> ec_from_jwk(const json::object& jwk) {
  const auto name = json::find_string(jwk, "crv");
  if (!name) return std::unexpected(KeyError::Malformed);
  const auto curve = std::ranges::find(kCurves, *name, &Curve::jwk_name);
  if (curve == kCurves.end()) return std::unexpected(KeyError::Unsupported);
  const std::string x = GATEHOUSE_TRY(find_bytes(jwk, "x"));
  const std::string y = GATEHOUSE_TRY(find_bytes(jwk, "y"));
  // RFC 7518 6.2.1.2: the full size of a coordinate, with leading zeros.
  if (x.size() != curve->coordinate_bytes || y.size() != curve->coordinate_bytes)
    return std::unexpected(KeyError::Malformed);
  const std::string point = "\x04" + x + y;
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1)
    return std::unexpected(KeyError::Malformed);
  return key_from_parameters("EC", builder.get());
}

std::expected<Owned<EVP_PKEY>, KeyError> okp_from_jwk(const json::object& jwk) {
  const auto name = json::find_string(jwk, "crv");
  if (!name) return std::unexpected(KeyError::Malformed);
  if (*name != "Ed25519") return std::unexpected(KeyError::Unsupported);
  const std::string x = GATEHOUSE_TRY(find_bytes(jwk, "x"));
  if (x.size() != kEd25519KeyBytes) return std::unexpected(KeyError::Malformed);
  return Owned<EVP_PKEY>(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, raw(x), x.size()));
}

std::string subject_name(std::string_view common_name) {
  std::string name(common_name.substr(0, kMaxCommonNameBytes));
  while (!name.empty() && !is_valid_utf8(name)) name.pop_back();  // not in the middle of a letter
  return name;
}

}  // namespace

std::optional<Algorithm> parse_algorithm(std::string_view name) {
  const auto found = std::ranges::find(kAlgorithms, name, &AlgorithmTraits::name);
  if (found == kAlgorithms.end()) return std::nullopt;
  return static_cast<Algorithm>(found - kAlgorithms.begin());
}

std::string_view to_string(Algorithm algorithm) { return traits_of(algorithm).name; }

std::string_view to_string(KeyError error) {
  switch (error) {
    case KeyError::Malformed:
      return "the key cannot be read";
    case KeyError::Unsupported:
      return "keys of this type are not supported";
    case KeyError::TooWeak:
      return "the key is too weak";
    case KeyError::PrivateKeyGiven:
      return "a private key was given where a public one belongs";
    case KeyError::NotForSigning:
      return "the key is not meant for signatures";
  }
  return "the key cannot be read";
}

std::expected<PublicKey, KeyError> PublicKey::from_pem(std::string_view pem) {
  const ErrorQueueGuard errors;
  ERR_clear_error();
  if (pem.size() > kMaxPemBytes) return std::unexpected(KeyError::Malformed);
  if (pem.contains("PRIVATE KEY-----")) return std::unexpected(KeyError::PrivateKeyGiven);
  const auto block = read_only_block(pem);
  if (!block) return std::unexpected(KeyError::Malformed);

  const unsigned char* cursor = raw(std::string_view(block->der));
  const unsigned char* const end = cursor + block->der.size();
  PublicKey made;
  if (block->name == PEM_STRING_PUBLIC) {
    Owned<EVP_PKEY> key(d2i_PUBKEY(nullptr, &cursor, static_cast<long>(block->der.size())));
    if (!key || cursor != end) return std::unexpected(KeyError::Malformed);
    made.key_ = GATEHOUSE_TRY(accept(std::move(key)));
    return made;
  }
  if (block->name != PEM_STRING_X509) return std::unexpected(KeyError::Malformed);
  const Owned<X509> certificate(d2i_X509(nullptr, &cursor, static_cast<long>(block->der.size())));
  if (!certificate || cursor != end) return std::unexpected(KeyError::Malformed);
  // RFC 5280 4.2.1.3; a certificate without the extension may be used for anything.
  if ((X509_get_key_usage(certificate.get()) & KU_DIGITAL_SIGNATURE) == 0)
    return std::unexpected(KeyError::NotForSigning);
  made.not_before_ = instant_of(X509_get0_notBefore(certificate.get()));
  made.not_after_ = instant_of(X509_get0_notAfter(certificate.get()));
  if (!made.not_before_ || !made.not_after_) return std::unexpected(KeyError::Malformed);
  made.key_ = GATEHOUSE_TRY(accept(Owned<EVP_PKEY>(X509_get_pubkey(certificate.get()))));
  return made;
}

std::expected<PublicKey, KeyError> PublicKey::from_jwk(const json::object& jwk) {
  const ErrorQueueGuard errors;
  const auto type = json::find_string(jwk, "kty");
  if (!type) return std::unexpected(KeyError::Malformed);
  if (*type != "RSA" && *type != "EC" && *type != "OKP")
    return std::unexpected(KeyError::Unsupported);
  for (const char* member : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
    if (jwk.contains(member)) return std::unexpected(KeyError::PrivateKeyGiven);
  GATEHOUSE_TRY_VOID(check_purpose(jwk));

  auto key = GATEHOUSE_TRY(*type == "RSA"  ? rsa_from_jwk(jwk)
                           : *type == "EC" ? ec_from_jwk(jwk)
                                           : okp_from_jwk(jwk));
  PublicKey made;
  made.key_ = GATEHOUSE_TRY(accept(std::move(key)));
  // RFC 7517 4.4: a key for another algorithm, or for one that its type cannot make.
  if (jwk.contains("alg")) {
    const auto name = json::find_string(jwk, "alg");
    if (!name) return std::unexpected(KeyError::Malformed);
    const auto algorithm = parse_algorithm(*name);
    if (!algorithm || !made.fits(*algorithm)) return std::unexpected(KeyError::Unsupported);
  }
  return made;
}

bool PublicKey::fits(Algorithm algorithm) const { return key_fits(key_.get(), algorithm); }

bool PublicKey::verify(Algorithm algorithm, std::string_view message,
                       std::string_view signature) const {
  const AlgorithmTraits& traits = traits_of(algorithm);
  if (!fits(algorithm) || signature.size() != signature_bytes(key_.get(), traits)) return false;
  const ErrorQueueGuard errors;
  std::string der;
  if (traits.family == Family::Ecdsa) {
    der = ecdsa_der_from_raw(signature);
    signature = der;
  }
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* borrowed = nullptr;
  return context != nullptr &&
         EVP_DigestVerifyInit(context.get(), &borrowed, digest_of(traits), nullptr, key_.get()) ==
             1 &&
         set_padding(borrowed, traits) &&
         EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message),
                          message.size()) == 1;
}

json::object PublicKey::to_jwk() const {
  GATEHOUSE_CHECK(key_ != nullptr, "the key was made");
  const ErrorQueueGuard errors;
  json::object jwk;
  if (EVP_PKEY_is_a(key_.get(), "RSA") == 1) {
    const auto modulus = number_of(key_.get(), OSSL_PKEY_PARAM_RSA_N);
    const auto exponent = number_of(key_.get(), OSSL_PKEY_PARAM_RSA_E);
    const auto encode = [](const BIGNUM* number) {
      return base64url_encode(bytes_of(number, static_cast<std::size_t>(BN_num_bytes(number))));
    };
    jwk["kty"] = "RSA";
    jwk["n"] = encode(modulus.get());
    jwk["e"] = encode(exponent.get());
  } else if (EVP_PKEY_is_a(key_.get(), "EC") == 1) {
    const std::string group = group_of(key_.get());
    const auto curve = std::ranges::find_if(
        kCurves, [&](const Curve& candidate) { return candidate.group == group; });
    GATEHOUSE_CHECK(curve != kCurves.end(), "keys of other curves are refused");
    const auto x = number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X);
    const auto y = number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
    jwk["kty"] = "EC";
    jwk["crv"] = curve->jwk_name;
    jwk["x"] = base64url_encode(bytes_of(x.get(), curve->coordinate_bytes));
    jwk["y"] = base64url_encode(bytes_of(y.get(), curve->coordinate_bytes));
  } else {
    std::string x(kEd25519KeyBytes, '\0');
    std::size_t length = x.size();
    GATEHOUSE_CHECK(
        EVP_PKEY_get_raw_public_key(key_.get(), raw(x), &length) == 1 && length == kEd25519KeyBytes,
        "an Ed25519 key has 32 bytes");
    jwk["kty"] = "OKP";
    jwk["crv"] = "Ed25519";
    jwk["x"] = base64url_encode(x);
  }
  return jwk;
}

std::string PublicKey::to_spki_pem() const {
  GATEHOUSE_CHECK(key_ != nullptr, "the key was made");
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  GATEHOUSE_CHECK(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1,
                  "a key has a PEM form");
  return text_of(bio.get());
}

std::string PublicKey::thumbprint() const {
  // RFC 7638 3.3: the required members, which are all that to_jwk writes, in the order of names.
  const json::object jwk = to_jwk();
  std::vector<std::string_view> names;
  for (const auto& member : jwk) names.emplace_back(member.key().data(), member.key().size());
  std::ranges::sort(names);
  json::object sorted;
  for (const auto name : names) sorted[name] = jwk.at(name);
  return base64url_encode(crypto::sha256(json::serialize(sorted)));
}

PrivateKey PrivateKey::generate_rsa(unsigned bits) {
  GATEHOUSE_CHECK(bits >= kMinRsaBits && bits <= kMaxRsaBits, "keys that we would accept");
  auto key = accept(
      Owned<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits))));
  GATEHOUSE_CHECK(key, "an RSA key can be made");
  PrivateKey made;
  made.key_ = std::move(*key);
  return made;
}

PrivateKey PrivateKey::generate_p256() {
  auto key = accept(Owned<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")));
  GATEHOUSE_CHECK(key, "a P-256 key can be made");
  PrivateKey made;
  made.key_ = std::move(*key);
  return made;
}

std::expected<PrivateKey, KeyError> PrivateKey::from_pem(std::string_view pem) {
  const ErrorQueueGuard errors;
  if (pem.size() > kMaxPemBytes) return std::unexpected(KeyError::Malformed);
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // Without a callback of ours OpenSSL would ask the terminal for a password.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  if (!bio) return std::unexpected(KeyError::Malformed);
  PrivateKey made;
  made.key_ = GATEHOUSE_TRY(
      accept(Owned<EVP_PKEY>(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr))));
  return made;
}

Secret PrivateKey::to_pem() const {
  GATEHOUSE_CHECK(key_ != nullptr, "the key was made");
  const Owned<BIO> bio(BIO_new(BIO_s_secmem()));  // wipes what it frees
  GATEHOUSE_CHECK(
      bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0,
                                                      nullptr, nullptr) == 1,
      "a key has a PEM form");
  return Secret(text_of(bio.get()));
}

PublicKey PrivateKey::public_key() const {
  GATEHOUSE_CHECK(key_ != nullptr, "the key was made");
  // By way of DER, so that a PublicKey never refers to the private half.
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key_.get(), &der);
  const Owned<unsigned char> owned(der);
  GATEHOUSE_CHECK(length > 0, "a key has a DER form");
  const unsigned char* cursor = der;
  auto key = accept(Owned<EVP_PKEY>(d2i_PUBKEY(nullptr, &cursor, length)));
  GATEHOUSE_CHECK(key, "the public half of an accepted key is acceptable");
  PublicKey made;
  made.key_ = std::move(*key);
  return made;
}

std::string PrivateKey::self_signed_certificate(std::string_view common_name,
                                                std::string_view serial, Instant not_before,
                                                Instant not_after) const {
  GATEHOUSE_CHECK(key_ != nullptr, "the key was made");
  GATEHOUSE_CHECK(serial.size() == 16, "a serial number has 16 bytes");
  const Owned<X509> certificate(X509_new());
  const Owned<BIGNUM> number(BN_bin2bn(raw(serial), static_cast<int>(serial.size()), nullptr));
  const Owned<ASN1_INTEGER> integer(BN_to_ASN1_INTEGER(number.get(), nullptr));
  const Owned<X509_EXTENSION> usage(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_key_usage, "critical,digitalSignature"));
  const Owned<X509_EXTENSION> constraints(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:FALSE"));
  GATEHOUSE_CHECK(certificate && integer && usage && constraints, "a certificate can be begun");

  const std::string name = subject_name(common_name);
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  const bool filled =
      X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
      X509_set_serialNumber(certificate.get(), integer.get()) == 1 &&
      X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, raw(name.c_str()),
                                 static_cast<int>(name.size()), -1, 0) == 1 &&
      X509_set_issuer_name(certificate.get(), subject) == 1 &&
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), to_epoch_seconds(not_before)) !=
          nullptr &&
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), to_epoch_seconds(not_after)) !=
          nullptr &&
      X509_set_pubkey(certificate.get(), key_.get()) == 1 &&
      X509_add_ext(certificate.get(), constraints.get(), -1) == 1 &&
      X509_add_ext(certificate.get(), usage.get(), -1) == 1;
  GATEHOUSE_CHECK(filled, "a certificate takes a name that is not empty");
  const EVP_MD* const digest =
      key_fits(key_.get(), Algorithm::EdDSA) ? nullptr : digest_of(traits_of(Algorithm::RS256));
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  GATEHOUSE_CHECK(bio && X509_sign(certificate.get(), key_.get(), digest) > 0 &&
                      PEM_write_bio_X509(bio.get(), certificate.get()) == 1,
                  "a certificate can be signed");
  return text_of(bio.get());
}

std::string PrivateKey::sign(Algorithm algorithm, std::string_view message) const {
  GATEHOUSE_CHECK(key_fits(key_.get(), algorithm), "the key makes signatures of this algorithm");
  const AlgorithmTraits& traits = traits_of(algorithm);
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* borrowed = nullptr;
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  std::size_t length = signature.size();
  const bool made =
      context != nullptr &&
      EVP_DigestSignInit(context.get(), &borrowed, digest_of(traits), nullptr, key_.get()) == 1 &&
      set_padding(borrowed, traits) &&
      EVP_DigestSign(context.get(), raw(signature), &length, raw(message), message.size()) == 1;
  GATEHOUSE_CHECK(made, "signing in memory succeeds");
  signature.resize(length);
  if (traits.family == Family::Ecdsa) return ecdsa_raw_from_der(signature, traits.coordinate_bytes);
  return signature;
}

std::expected<JwkSet, KeyError> JwkSet::parse(const json::value& document) {
  const json::object* object = document.if_object();
  const json::array* keys = object == nullptr ? nullptr : json::find_array(*object, "keys");
  if (keys == nullptr || keys->size() > kMaxJwksKeys) return std::unexpected(KeyError::Malformed);
  std::vector<Jwk> usable;
  for (const json::value& element : *keys) {
    const json::object* jwk = element.if_object();
    if (jwk == nullptr) continue;
    const auto kid = json::find_string(*jwk, "kid");
    if (jwk->contains("kid") && !kid) continue;
    auto key = PublicKey::from_jwk(*jwk);
    if (!key) continue;
    const auto algorithm = json::find_string(*jwk, "alg");
    usable.push_back({std::string(kid.value_or("")),
                      algorithm ? parse_algorithm(*algorithm) : std::nullopt, std::move(*key)});
  }
  if (usable.empty()) return std::unexpected(KeyError::Unsupported);
  return JwkSet(std::move(usable));
}

std::vector<const Jwk*> JwkSet::candidates(std::string_view kid, Algorithm algorithm) const {
  std::vector<const Jwk*> found;
  for (const Jwk& jwk : keys_)
    if ((kid.empty() || jwk.kid == kid) && jwk.key.fits(algorithm) &&
        (!jwk.algorithm || *jwk.algorithm == algorithm))
      found.push_back(&jwk);
  return found;
}

}  // namespace gatehouse::jose
