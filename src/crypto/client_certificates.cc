#include "crypto/client_certificates.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "base/check.h"
#include "base/encoding.h"
#include "base/try.h"

namespace gatehouse::crypto {
namespace {

using Problem = ClientCertificates::Problem;

constexpr std::size_t kMaxCertificateBytes = std::size_t{64} * 1024;  // usual ones have 1 to 2 KB
constexpr std::size_t kMaxPemBytes = std::size_t{16} * 1024 * 1024;
constexpr int kSecurityLevel =
    2;  // 112 bits: RSA of 2048 bits, no SHA-1 (SSL_CTX_set_security_level)

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_CRL* list) const { X509_CRL_free(list); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(char* text) const { OPENSSL_free(text); }
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// A failing call of OpenSSL leaves notes that would be taken for the failure of a later one.
struct ErrorQueue {
  ErrorQueue() = default;
  ErrorQueue(const ErrorQueue&) = delete;
  ErrorQueue& operator=(const ErrorQueue&) = delete;
  ~ErrorQueue() { ERR_clear_error(); }
};

// Nothing may follow the certificate or list.
template <typename T, T* (*parse)(T**, const unsigned char**, long)>
Owned<T> from_der(std::string_view der) {
  const auto* position = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = position + der.size();
  Owned<T> parsed(parse(nullptr, &position, static_cast<long>(der.size())));
  return position == end ? std::move(parsed) : nullptr;
}
Owned<X509> certificate_from(std::string_view der) { return from_der<X509, d2i_X509>(der); }
Owned<X509_CRL> list_from(std::string_view der) { return from_der<X509_CRL, d2i_X509_CRL>(der); }

std::optional<Instant> instant_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return from_epoch_seconds(timegm(&parts));
}

std::string canonical_serial(std::string_view hex) {
  const std::size_t digits = std::min(hex.find_first_not_of('0'), hex.empty() ? 0 : hex.size() - 1);
  return ascii_lower(hex.substr(digits));
}

std::string serial_of(const ASN1_INTEGER* serial) {
  const Owned<BIGNUM> number(ASN1_INTEGER_to_BN(serial, nullptr));
  const Owned<char> hex(number ? BN_bn2hex(number.get()) : nullptr);
  GATEHOUSE_CHECK(hex != nullptr, "a parsed serial number can be written");
  const std::string_view text = hex.get();
  if (text.starts_with('-')) return "-" + canonical_serial(text.substr(1));
  return canonical_serial(text);
}

std::string common_name_of(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  int last = -1;
  for (int next = -1; (next = X509_NAME_get_index_by_NID(subject, NID_commonName, next)) >= 0;) {
    last = next;
  }
  if (last < 0) return {};
  unsigned char* bytes = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
  const Owned<unsigned char> owner(bytes);
  if (size <= 0) return {};
  std::string name(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  // A name with a zero byte means one thing to us and another to whoever stops there.
  return name.find('\0') == std::string::npos ? name : std::string();
}

// An issuer is its key: a renewed certificate of the same authority goes on issuing under it.
std::string key_of(const X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
  const Owned<unsigned char> owner(bytes);
  if (size <= 0) return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

struct Block {
  std::string label;
  std::string bytes;
};

// The PEM blocks of `text`; what stands between them is comment.
std::expected<std::vector<Block>, Problem> blocks_of(const std::string& text,
                                                     const std::string& field,
                                                     std::string_view wanted) {
  if (text.size() > kMaxPemBytes) {
    return std::unexpected(Problem{field, fmt::format("is longer than {} bytes", kMaxPemBytes)});
  }
  const Owned<BIO> input(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  GATEHOUSE_CHECK(input != nullptr, "memory can be read");
  std::vector<Block> blocks;
  while (true) {
    char* label = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    const int read = PEM_read_bio(input.get(), &label, &header, &data, &size);
    const Owned<char> label_owner(label);
    const Owned<char> header_owner(header);
    const Owned<unsigned char> data_owner(data);
    if (read != 1) {
      if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) break;
      return std::unexpected(
          Problem{field, fmt::format("is not PEM: block {} is broken", blocks.size() + 1)});
    }
    blocks.push_back({label, {reinterpret_cast<char*>(data), static_cast<std::size_t>(size)}});
    if (blocks.back().label.ends_with("PRIVATE KEY")) {
      OPENSSL_cleanse(blocks.back().bytes.data(), blocks.back().bytes.size());
      return std::unexpected(Problem{
          field,
          "holds a private key: it does not belong here, and should be replaced by a new one"});
    }
  }
  if (blocks.empty()) {
    return std::unexpected(
        Problem{field, fmt::format("is not PEM: there is no `-----BEGIN {}-----`", wanted)});
  }
  return blocks;
}

std::expected<std::vector<Owned<X509>>, Problem> certificates_of(const std::string& text) {
  const std::string field = "certificate";
  std::vector<Owned<X509>> certificates;
  for (const Block& block : GATEHOUSE_TRY(blocks_of(text, field, PEM_STRING_X509))) {
    const auto fail = [&](std::string_view message) {
      return std::unexpected(
          Problem{field, fmt::format("block {} {}", certificates.size() + 1, message)});
    };
    if (block.label != PEM_STRING_X509) {
      return fail(fmt::format("is a `{}`, not a certificate", block.label));
    }
    auto certificate = certificate_from(block.bytes);
    if (!certificate) return fail("is not a certificate");
    if (X509_check_ca(certificate.get()) != 1) {
      return fail("is not a certificate authority (basicConstraints without CA:TRUE)");
    }
    if (X509_get0_pubkey(certificate.get()) == nullptr) return fail("has a key of an unknown kind");
    if (!instant_of(X509_get0_notBefore(certificate.get())) ||
        !instant_of(X509_get0_notAfter(certificate.get()))) {
      return fail("has no times");
    }
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

// What one authority has taken back.
struct Revocations {
  std::set<std::string, std::less<>> listed;  // by its newest list
  std::set<std::string, std::less<>> by_hand;
  std::optional<Instant> this_update;  // absent: there is no list
  Instant next_update{};

  [[nodiscard]] bool holds(const std::string& serial) const {
    return listed.contains(serial) || by_hand.contains(serial);
  }
};

bool has_critical_extension(const X509_CRL* list) {
  for (int i = 0; i < X509_CRL_get_ext_count(list); ++i) {
    if (X509_EXTENSION_get_critical(X509_CRL_get_ext(list, i)) != 0) return true;
  }
  return false;
}

// RFC 5280 6.3.3: by name, by key, and by one that may sign lists.
bool is_issued_by(X509_CRL* list, X509* authority) {
  return X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) == 0 &&
         (X509_get_key_usage(authority) & KU_CRL_SIGN) != 0 &&
         X509_CRL_verify(list, X509_get0_pubkey(authority)) == 1;
}

std::expected<void, Problem> read_lists(const std::string& text,
                                        const std::vector<Owned<X509>>& certificates,
                                        std::map<std::string, Revocations>& issuers) {
  const std::string field = "crl";
  std::size_t number = 0;
  for (const Block& block : GATEHOUSE_TRY(blocks_of(text, field, PEM_STRING_X509_CRL))) {
    ++number;
    const auto fail = [&](std::string_view message) {
      return std::unexpected(Problem{field, fmt::format("block {} {}", number, message)});
    };
    if (block.label != PEM_STRING_X509_CRL) {
      return fail(fmt::format("is a `{}`, not a revocation list", block.label));
    }
    const auto list = list_from(block.bytes);
    if (!list) return fail("is not a revocation list");
    // Deltas and lists for some certificates only say so in a critical extension.
    if (has_critical_extension(list.get())) return fail("is not a complete revocation list");
    const auto issuer = std::ranges::find_if(certificates, [&](const Owned<X509>& certificate) {
      return is_issued_by(list.get(), certificate.get());
    });
    if (issuer == certificates.end()) return fail("is not signed by a given authority");
    const auto this_update = instant_of(X509_CRL_get0_lastUpdate(list.get()));
    const auto next_update = instant_of(X509_CRL_get0_nextUpdate(list.get()));
    if (!this_update || !next_update) return fail("does not say when its next update is due");

    Revocations& revocations = issuers[key_of(issuer->get())];
    if (revocations.this_update && *revocations.this_update > *this_update) continue;
    revocations.this_update = this_update;
    revocations.next_update = *next_update;
    revocations.listed.clear();
    const auto* entries = X509_CRL_get_REVOKED(list.get());
    for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
      revocations.listed.insert(
          serial_of(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i))));
    }
  }
  return {};
}

CertificateError error_of(X509_STORE_CTX* context) {
  if (X509_STORE_CTX_get_error_depth(context) != 0) return CertificateError::NotTrusted;
  switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return CertificateError::Expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return CertificateError::NotYetValid;
    default:
      return CertificateError::NotTrusted;
  }
}

class Judge final : public ClientCertificates {
 public:
  std::expected<void, Problem> read(const std::vector<CertificateAuthority>& authorities) {
    std::vector<Owned<X509>> all;
    for (const auto& authority : authorities) {
      auto certificates = GATEHOUSE_TRY(certificates_of(authority.certificates));
      if (!authority.crl.empty()) {
        GATEHOUSE_TRY_VOID(read_lists(authority.crl, certificates, issuers_));
      }
      for (auto& certificate : certificates) {
        auto& by_hand = issuers_[key_of(certificate.get())].by_hand;
        for (const auto& serial : authority.revoked_serials)
          by_hand.insert(canonical_serial(serial));
        all.push_back(std::move(certificate));
      }
    }
    trust(all);
    return {};
  }

  std::expected<ClientCertificate, CertificateError> judge(std::string_view der,
                                                           Instant now) const override {
    const ErrorQueue errors;
    if (der.size() > kMaxCertificateBytes) return std::unexpected(CertificateError::Malformed);
    const auto certificate = certificate_from(der);
    if (!certificate) return std::unexpected(CertificateError::Malformed);
    const auto not_before = instant_of(X509_get0_notBefore(certificate.get()));
    const auto not_after = instant_of(X509_get0_notAfter(certificate.get()));
    if (!not_before || !not_after) return std::unexpected(CertificateError::Malformed);

    const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
    GATEHOUSE_CHECK(context != nullptr && X509_STORE_CTX_init(context.get(), store_.get(),
                                                              certificate.get(), nullptr) == 1,
                    "a verification can be prepared");
    auto* parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(parameters, to_epoch_seconds(now));
    if (X509_verify_cert(context.get()) != 1) return std::unexpected(error_of(context.get()));
    const auto* chain = X509_STORE_CTX_get0_chain(context.get());
    // An authority's own certificate is not a client's.
    if (sk_X509_num(chain) < 2) return std::unexpected(CertificateError::NotTrusted);
    const std::string serial = serial_of(X509_get0_serialNumber(certificate.get()));
    const auto issuer = issuers_.find(key_of(sk_X509_value(chain, 1)));
    if (issuer == issuers_.end()) return std::unexpected(CertificateError::NotTrusted);
    if (issuer->second.holds(serial)) return std::unexpected(CertificateError::Revoked);
    if (issuer->second.this_update && now >= issuer->second.next_update)
      return std::unexpected(CertificateError::ListTooOld);
    return ClientCertificate{common_name_of(certificate.get()), serial, *not_before, *not_after};
  }

  Instant good_until() const override { return good_until_; }

 private:
  // INVARIANT: a given certificate that another given one has issued and taken back is no anchor.
  void trust(const std::vector<Owned<X509>>& certificates) {
    const auto is_taken_back = [&](X509* certificate) {
      const std::string serial = serial_of(X509_get0_serialNumber(certificate));
      return std::ranges::any_of(certificates, [&](const Owned<X509>& other) {
        return issuers_.at(key_of(other.get())).holds(serial) &&
               X509_check_issued(other.get(), certificate) == X509_V_OK &&
               X509_verify(certificate, X509_get0_pubkey(other.get())) == 1;
      });
    };
    GATEHOUSE_CHECK(store_ != nullptr, "a store can be made");
    auto* parameters = X509_STORE_get0_param(store_.get());
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT);
    X509_VERIFY_PARAM_set_trust(parameters, X509_TRUST_SSL_CLIENT);
    X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
    for (const auto& certificate : certificates) {
      if (is_taken_back(certificate.get())) continue;
      GATEHOUSE_CHECK(X509_STORE_add_cert(store_.get(), certificate.get()) == 1,
                      "a certificate can be added to a store");
      good_until_ = std::min(good_until_, *instant_of(X509_get0_notAfter(certificate.get())));
    }
    for (const auto& [key, revocations] : issuers_) {
      if (revocations.this_update) good_until_ = std::min(good_until_, revocations.next_update);
    }
  }

  Owned<X509_STORE> store_{X509_STORE_new()};
  std::map<std::string, Revocations> issuers_;  // by key
  Instant good_until_ = Instant::max();
};

}  // namespace

std::string_view to_string(CertificateError error) {
  switch (error) {
    case CertificateError::Malformed:
      return "malformed";
    case CertificateError::NotTrusted:
      return "not trusted";
    case CertificateError::Expired:
      return "expired";
    case CertificateError::NotYetValid:
      return "not yet valid";
    case CertificateError::Revoked:
      return "revoked";
    case CertificateError::ListTooOld:
      return "revocation list too old";
  }
  return "";
}

std::expected<void, Problem> ClientCertificates::check(const CertificateAuthority& authority) {
  GATEHOUSE_TRY_VOID(make({authority}));
  return {};
}

std::expected<std::shared_ptr<const ClientCertificates>, Problem> ClientCertificates::make(
    const std::vector<CertificateAuthority>& authorities) {
  const ErrorQueue errors;
  auto judge = std::make_shared<Judge>();
  GATEHOUSE_TRY_VOID(judge->read(authorities));
  return judge;
}

}  // namespace gatehouse::crypto
