// Judges client certificates by the authorities of one host: chain, purpose, time, revocation.
// Pure: the moment is an argument. Immutable after make(), thread-safe. Source: RFC 5280; path
// building by OpenSSL. Every given certificate is a trust anchor, also one that another has issued,
// since a resumed TLS session no longer carries the client's chain.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace gatehouse::crypto {

struct ClientCertificate {
  std::string common_name;  // the last CN of the subject; empty when there is none
  std::string serial;       // lower-case hex without leading zeros
  Instant not_before{};
  Instant not_after{};
};

enum class CertificateError : std::uint8_t {
  Malformed,
  NotTrusted,  // no chain to an authority, or a certificate that may not be used by clients
  Expired,
  NotYetValid,
  Revoked,     // on the revocation list, or one of the serial numbers
  ListTooOld,  // the authority has a revocation list whose next update has passed
};
[[nodiscard]] std::string_view to_string(CertificateError error);

struct CertificateAuthority {
  std::string certificates;                  // PEM, one or more
  std::string crl;                           // PEM, one or more; empty: none
  std::vector<std::string> revoked_serials;  // lower-case hex
};

class ClientCertificates {
 public:
  // Errors are texts for the author: "is not PEM: ...", "is not a certificate authority".
  struct Problem {
    std::string field;  // certificate, crl
    std::string message;
  };
  // What is wrong with one authority, or nothing.
  [[nodiscard]] static std::expected<void, Problem> check(const CertificateAuthority& authority);
  [[nodiscard]] static std::expected<std::shared_ptr<const ClientCertificates>, Problem> make(
      const std::vector<CertificateAuthority>& authorities);
  virtual ~ClientCertificates() = default;
  // `der`: the client's own certificate. Tens of microseconds: remember the answer, and compare its
  // times with the clock.
  [[nodiscard]] virtual std::expected<ClientCertificate, CertificateError> judge(
      std::string_view der, Instant now) const = 0;
  // The earliest moment at which an answer may change for another reason than the certificate's own
  // times: a list grows too old, an authority expires.
  [[nodiscard]] virtual Instant good_until() const = 0;
};

}  // namespace gatehouse::crypto
