#include "agent/state.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "platform/file.h"

namespace gatehouse::agent {
namespace {

constexpr Instant kNow = from_epoch_seconds(1'700'000'000);

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = testing::TempDir() + "/agent-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status = {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

struct OriginCase {
  std::string_view text;
  std::string_view expected;  // empty: refused
};
constexpr OriginCase kOrigins[] = {
    {"https://auth.example.com", "https://auth.example.com"},
    {"https://AUTH.Example.com/", "https://auth.example.com"},
    {"https://auth.example.com:443", "https://auth.example.com"},
    {"https://auth.example.com:8443", "https://auth.example.com:8443"},
    {"https://auth.localhost:8443", "https://auth.localhost:8443"},
    {"https://127.0.0.1:8443", "https://127.0.0.1:8443"},
    {"http://auth.example.com", ""},
    {"https://", ""},
    {"https://auth.example.com//", ""},
    {"https://auth.example.com/path", ""},
    {"https://auth.example.com:", ""},
    {"https://auth.example.com:0", ""},
    {"https://auth.example.com:65536", ""},
    {"https://auth.example.com:0443", ""},
    {"https://user@auth.example.com", ""},
    {"https://auth..example.com", ""},
    {"https://*.example.com", ""},
    {"https://-auth.example.com", ""},
    {"https://[::1]:8443", ""},
    {"null", ""},
    {"", ""},
    {"*", ""},
};

TEST(State, CanonicalOrigin) {
  for (const OriginCase& c : kOrigins) {
    EXPECT_EQ(canonical_origin(c.text).value_or(""), c.expected) << c.text;
  }
}

struct CheckinCase {
  std::string_view text;
  std::int64_t expected;  // -1: refused; 0: now
};
constexpr CheckinCase kCheckins[] = {
    {"now", 0},
    {"604801s-ago", 1'699'395'199},
    {"1h-ago", 1'699'996'400},
    {"8d-ago", 1'699'308'800},
    {"0s-ago", 1'700'000'000},
    {"2023-11-14T22:13:20Z", 1'700'000'000},
    {"", -1},
    {"-ago", -1},
    {"d-ago", -1},
    {"8-ago", -1},
    {"-8d-ago", -1},
    {"9999d-ago", -1},
    {"yesterday", -1},
    {"2023-11-14", -1},
};

TEST(State, ParsesLastCheckin) {
  for (const CheckinCase& c : kCheckins) {
    SCOPED_TRACE(c.text);
    const auto parsed = parse_last_checkin(c.text, kNow);
    ASSERT_EQ(parsed.has_value(), c.expected != -1);
    if (!parsed) continue;
    EXPECT_EQ(parsed->has_value() ? to_epoch_seconds(**parsed) : 0, c.expected);
  }
}

TEST(State, FormatIsRead) {
  AgentState state;
  state.device_id = "d";
  state.issuer = "i";
  state.allowed_origins = {"https://a.example", "https://b.example:8443"};
  state.managed = false;
  state.last_checkin = kNow;
  state.patch_compliant = false;
  state.vulnerability_score = 7.25;
  state.serial_number = "C02X";
  state.requests_per_second = 3;
  const auto read = parse_state(format_state(state));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(format_state(*read), format_state(state));
  EXPECT_EQ(read->allowed_origins, state.allowed_origins);
  EXPECT_EQ(read->last_checkin, kNow);
  EXPECT_EQ(read->patch_compliant, false);
  EXPECT_EQ(read->vulnerability_score, 7.25);
}

TEST(State, AbsentMembersHaveDefaults) {
  const auto read = parse_state(R"({"device_id":"d"})");
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->managed);
  EXPECT_EQ(read->last_checkin, std::nullopt);
  EXPECT_TRUE(read->allowed_origins.empty());
  EXPECT_EQ(read->requests_per_second, 10u);
}

struct ProblemCase {
  std::string_view name;
  std::string_view text;
  std::string_view message;  // a part of it
};
constexpr ProblemCase kProblems[] = {
    {"empty", "", "is not JSON"},
    {"list", "[]", "must be a JSON object"},
    {"twice", R"({"device_id":"a","device_id":"b"})", "is not JSON"},
    {"no device", "{}", "`device_id` is missing"},
    {"device a number", R"({"device_id":5})", "`device_id` must be a text"},
    {"unknown", R"({"device_id":"d","origin":"x"})", "`origin` is not known"},
    {"origins a text", R"({"device_id":"d","allowed_origins":"https://a.example"})",
     "`allowed_origins` must be a list"},
    {"origin wildcard", R"({"device_id":"d","allowed_origins":["*"]})", "must hold origins"},
    {"origin not canonical", R"({"device_id":"d","allowed_origins":["https://A.example"]})",
     "must hold origins"},
    {"origin a number", R"({"device_id":"d","allowed_origins":[1]})", "must hold origins"},
    {"managed a text", R"({"device_id":"d","managed":"true"})", "`managed` must be true or false"},
    {"checkin", R"({"device_id":"d","last_checkin":"soon"})", "`last_checkin` must be `now`"},
    {"patch", R"({"device_id":"d","patch_status":true})", "`patch_status` must be an object"},
    {"patch inside", R"({"device_id":"d","patch_status":{"compliant":1}})",
     "`patch_status.compliant`"},
    {"patch more", R"({"device_id":"d","patch_status":{"compliant":true,"x":1}})",
     "one member `compliant`"},
    {"score", R"({"device_id":"d","vulnerability":{"score":-1}})", "`vulnerability.score`"},
    {"score a text", R"({"device_id":"d","vulnerability":{"score":"1"}})", "`vulnerability.score`"},
    {"rate zero", R"({"device_id":"d","requests_per_second":0})", "from 1 to 10000"},
    {"rate high", R"({"device_id":"d","requests_per_second":10001})", "from 1 to 10000"},
};

TEST(State, EveryProblemNamesItsField) {
  for (const ProblemCase& c : kProblems) {
    SCOPED_TRACE(c.name);
    const auto read = parse_state(c.text);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find(c.message), std::string::npos) << read.error().message;
  }
}

TEST(State, InitializeMakesKeyAndStateOnce) {
  const TemporaryDirectory temporary;
  const auto dir = temporary.path() / "state";
  const auto first = initialize(dir, {"https://a.example"});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(mode_of(dir), 0700u);
  EXPECT_EQ(mode_of(dir / "agent.json"), 0600u);
  EXPECT_EQ(mode_of(dir / "device-key.pem"), 0600u);
  const auto key = load_device_key(dir);
  ASSERT_TRUE(key) << key.error().message;

  auto changed = *first;
  changed.managed = false;
  ASSERT_TRUE(save_state(dir, changed));
  const auto second = initialize(dir, {"https://b.example"});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->device_id, first->device_id);
  EXPECT_FALSE(second->managed);
  EXPECT_EQ(load_state(dir)->allowed_origins, std::vector<std::string>{"https://b.example"});
  EXPECT_EQ(load_device_key(dir)->public_key().thumbprint(), key->public_key().thumbprint());
}

TEST(State, DeviceKeyMustBePrivateAndP256) {
  const TemporaryDirectory temporary;
  const auto& dir = temporary.path();
  EXPECT_FALSE(load_device_key(dir));
  EXPECT_FALSE(load_state(dir));
  const auto write = [&](std::string_view pem, mode_t mode) {
    ASSERT_TRUE(write_file_atomically(dir / "device-key.pem", pem, mode));
  };
  const Secret p256 = jose::PrivateKey::generate_p256().to_pem();
  write(p256.reveal(), 0640);
  EXPECT_NE(load_device_key(dir).error().message.find("0600"), std::string::npos);
  EXPECT_FALSE(initialize(dir, {"https://a.example"}));
  write(p256.reveal(), 0600);
  EXPECT_TRUE(load_device_key(dir));
  write(jose::PrivateKey::generate_rsa().to_pem().reveal(), 0600);
  EXPECT_NE(load_device_key(dir).error().message.find("P-256"), std::string::npos);
  write("nothing", 0600);
  EXPECT_NE(load_device_key(dir).error().message.find("not a usable key"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::agent
