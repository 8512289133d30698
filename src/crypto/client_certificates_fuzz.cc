// Whatever stands in a handshake or is pasted as an authority or a list: an answer, never a crash.
#include "base/check.h"
#include "crypto/client_certificates.h"

using gatehouse::crypto::ClientCertificates;

namespace {

constexpr const char* kAuthority =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBeDCCAR6gAwIBAgIUdHHgpUw1QiopDKkEAGr3SpODtvswCgYIKoZIzj0EAwIw\n"
    "GTEXMBUGA1UEAwwORnV6eiBBdXRob3JpdHkwIBcNMjYxMTI0MDk0NTA2WhgPMjEy\n"
    "NjEwMzEwOTQ1MDZaMBkxFzAVBgNVBAMMDkZ1enogQXV0aG9yaXR5MFkwEwYHKoZI\n"
    "zj0CAQYIKoZIzj0DAQcDQgAEjohDVitUzGmo0u0a0Qy8NrBNHmfLU1msbieyZH6P\n"
    "lEX2F2rgthJPNkBEpM2V8ChFOn60h8rp2nr49z9wF/ufG6NCMEAwDwYDVR0TAQH/\n"
    "BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFHEGIrqM6RgcVwfz9iv1\n"
    "OnSwjWZ5MAoGCCqGSM49BAMCA0gAMEUCIAWvXtMS1qZpxGdzp7fkVe47g5qhYyxA\n"
    "ft/INvlFD5nXAiEAgIC43dMtQCrxggJbhLSgmd0re7LbiPaCYrxK0xyyUAo=\n"
    "-----END CERTIFICATE-----\n";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  static const auto authorities = ClientCertificates::make({{kAuthority, "", {"2f"}}});
  GATEHOUSE_CHECK(authorities.has_value(), "the authority is in order");
  const auto now = gatehouse::from_epoch_seconds(1'800'000'000);
  if (const auto judged = (*authorities)->judge(bytes, now)) {
    GATEHOUSE_CHECK(judged->not_before <= now && now < judged->not_after, "valid means now");
    GATEHOUSE_CHECK(judged->serial != "2f", "what is revoked is not valid");
  }
  static_cast<void>(ClientCertificates::check({bytes, "", {}}));
  static_cast<void>(ClientCertificates::check({kAuthority, bytes, {}}));
  return 0;
}
