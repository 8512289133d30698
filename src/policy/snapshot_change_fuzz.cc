// Changes from the node state: any bytes give a snapshot or problems.
#include <cstdint>
#include <string_view>

#include "policy/snapshot_change.h"
#include "selectors/registry.h"

namespace {

using namespace gatehouse;

// What testdata/snapshot_change_fuzz changes.
constexpr std::string_view kBefore = R"json(
  {"format": 2, "sequence": 7, "published_at": "2023-11-14T22:13:20Z",
   "organization": {"name": "Example", "auth_domain": "auth.example.com",
                    "issuer": "https://auth.example.com"},
   "keys": {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "alg": "ES256", "use": "sig",
                      "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                      "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]},
   "identity_providers": [
     {"id": "bc9ec865-928b-5d1f-b3dc-e43242fad427", "name": "Pin", "type": "onetimepin"}],
   "device_posture_rules": [
     {"id": "61a860ea-ddb5-5b87-91a8-a5c16cafc923", "name": "Managed", "type": "tanium",
      "input": {"connection_id": "ddc4ba30-504d-59fa-90fc-88f091fc7ca3"}}],
   "lists": [
     {"id": "3e0c2b7c-1111-4222-8333-444455556660", "name": "Board", "type": "EMAIL", "items": []},
     {"id": "3e0c2b7c-1111-4222-8333-444455556661", "name": "Offices", "type": "IP", "items": []}],
   "groups": [
     {"id": "b12a3526-ff8a-5eee-8293-f41b4730fd96", "name": "Staff",
      "include": [{"email_domain": {"domain": "example.com"}}],
      "require": [{"device_posture":
                    {"integration_uid": "61a860ea-ddb5-5b87-91a8-a5c16cafc923"}}]}],
   "service_tokens": [
     {"id": "0df2af03-7c0a-5b41-aed9-c59995877360", "name": "Robot",
      "client_secret_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}],
   "mtls_certificates": [],
   "custom_pages": [
     {"id": "3e0c2b7c-1111-4222-8333-444455556664", "name": "Stranger", "type": "identity_denied",
      "custom_html": "<h1>Who?</h1>"}],
   "applications": [
     {"id": "e728982d-6739-5ca5-9ddb-f9e9dde17b9e", "name": "Wiki", "type": "self_hosted",
      "domain": "wiki.example.com", "self_hosted_domains": ["wiki.example.com/api"],
      "policies": [{"id": "c46cd918-fa35-5006-97d1-7ee88688806a", "name": "Staff",
                    "decision": "allow",
                    "include": [{"group": {"id": "b12a3526-ff8a-5eee-8293-f41b4730fd96"}}]}]}]})json";

const decision::Snapshot& before() {
  static const auto snapshot =
      policy::compile_snapshot(json::parse(kBefore).value(), selectors::registry()).value();
  return *snapshot;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = json::parse({reinterpret_cast<const char*>(data), size});
  if (document) {
    static_cast<void>(policy::apply_snapshot_change(before(), *document, selectors::registry()));
  }
  return 0;
}
