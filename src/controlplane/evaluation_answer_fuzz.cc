// Input: one byte, then text. `b`: the body of an evaluator's answer, judged under a fixed key.
// Anything else: claims, which are signed here so that the checks behind the signature are reached.
#include <cstdint>
#include <cstdlib>

#include "controlplane/evaluation_answer.h"
#include "jose/jwt.h"

namespace {

using namespace gatehouse;

constexpr Instant kNow = from_epoch_seconds(1'800'000'000);
constexpr std::string_view kNonce = "seed-nonce";

void judge(const jose::JwkSet& keys, const std::string& body, const json::object* claims) {
  const auto verdict = controlplane::read_evaluation(body, keys, kNonce, kNow);
  if (!verdict) return;
  if (claims == nullptr) std::abort();  // nobody has that key
  if (json::find_string(*claims, "nonce") != kNonce ||
      json::find_bool(*claims, "success") != *verdict ||
      json::find_int(*claims, "exp").value_or(0) <= to_epoch_seconds(kNow))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const jose::PrivateKey key = jose::PrivateKey::generate_rsa();
  static const jose::JwkSet keys = [] {
    auto jwk = key.public_key().to_jwk();
    jwk["kid"] = "1";
    return jose::JwkSet::parse(json::object{{"keys", json::array{jwk}}}).value();
  }();
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'b') {
    judge(keys, text, nullptr);
  } else if (const auto claims = json::parse(text); claims && claims->is_object()) {
    const auto token = jose::sign_jwt(claims->get_object(), key, jose::Algorithm::RS256, "1");
    judge(keys, json::serialize(json::object{{"token", token}}), &claims->get_object());
  }
  return 0;
}
