// Input: one byte, then text. `t`: a token as the page posts it, judged under a fixed public key.
// Anything else: a payload, which is signed here so that the checks behind the signature are
// reached.
#include <cstdint>
#include <cstdlib>

#include "jose/jwt.h"
#include "posture/tanium/tanium.h"

namespace {

using namespace gatehouse;

constexpr Instant kNow = from_epoch_seconds(1'700'000'000);
constexpr std::string_view kNonce = "c2VlZC1ub25jZS1mb3ItdGhlLWZ1enplcg";
constexpr std::string_view kAudience = "https://auth.example.com";
constexpr std::string_view kPinnedKey = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvSitDzLZI959eU1zJUZ6GdjcVJYx
IvXtIqdAxNwgTZ0mYyWZgb+0waOjgUYlEY5LRjbYhiFlQC+j8hdRgyP0uQ==
-----END PUBLIC KEY-----)";

posture::TaniumProfile profile_of(std::string pem) {
  model::PostureIntegration integration;
  integration.id = "fuzz";
  integration.type = "tanium";
  integration.config = {{"public_certificate", std::move(pem)}};
  return posture::read_tanium_profile(integration).value();
}

void judge(const posture::TaniumProfile& profile, std::string_view token) {
  const auto answer = posture::verify_tanium_answer(profile, token, kNonce, kAudience, kNow);
  if (!answer) return;
  const auto& evidence = answer->evidence;
  if (answer->replay_id.size() != 64 || answer->replay_until <= kNow ||
      evidence.established_at > kNow || evidence.integration_id != "fuzz" ||
      (evidence.last_checkin && *evidence.last_checkin > kNow + profile.clock_skew)) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const posture::TaniumProfile pinned = profile_of(std::string(kPinnedKey));
  static const jose::PrivateKey key = jose::PrivateKey::generate_p256();
  static const posture::TaniumProfile own = profile_of(key.public_key().to_spki_pem());
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 't') {
    judge(pinned, text);
  } else if (const auto payload = json::parse(text); payload && payload->is_object()) {
    judge(own, jose::sign_jwt(payload->get_object(), key, jose::Algorithm::ES256, ""));
  }
  return 0;
}
