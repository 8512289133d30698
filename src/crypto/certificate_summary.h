// What people compare of a certificate. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace gatehouse::crypto {

struct CertificateSummary {
  std::string sha256;  // of the DER form, raw bytes
  Instant not_after{};
};
// Of the first certificate of a PEM text; nullopt: there is none that can be read.
[[nodiscard]] std::optional<CertificateSummary> summarize_certificate(std::string_view pem);

}  // namespace gatehouse::crypto
