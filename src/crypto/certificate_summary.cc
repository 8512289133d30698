#include "crypto/certificate_summary.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <limits>
#include <memory>

#include "crypto/digest.h"

namespace gatehouse::crypto {
namespace {

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// An encrypted one is none: nobody is asked.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

std::optional<CertificateSummary> summarize_certificate(std::string_view pem) {
  if (pem.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return std::nullopt;
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return std::nullopt;
  const Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
  // A failing call leaves notes that would be taken for the failure of a later one.
  ERR_clear_error();
  if (!certificate) return std::nullopt;
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate.get(), &bytes);
  const Owned<unsigned char> der(bytes);
  std::tm parts{};
  if (size <= 0 || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &parts) != 1)
    return std::nullopt;
  return CertificateSummary{
      sha256({reinterpret_cast<const char*>(der.get()), static_cast<std::size_t>(size)}),
      from_epoch_seconds(timegm(&parts))};
}

}  // namespace gatehouse::crypto
