#include "configuration/file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "jose/jwk.h"
#include "selectors/registry.h"

namespace gatehouse::configuration {
namespace {

const std::string& public_key_pem() {
  static const std::string kPem = jose::PrivateKey::generate_p256().public_key().to_spki_pem();
  return kPem;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string testdata(const std::string& name) {
  return read_text(std::string(GATEHOUSE_TESTDATA "/") + name);
}

std::optional<std::string> read_file_for_test(const std::string& path) {
  if (path == "/etc/gatehouse/authority.pem") return testdata("authority.pem");
  if (path == "/etc/gatehouse/authority.crl") return testdata("authority.crl");
  if (path == "/etc/gatehouse/refused.html") return "<h1>Refused</h1>\n";
  if (path == "/etc/gatehouse/tanium.pem") return public_key_pem();
  if (path == "/etc/gatehouse/secrets/smtp") return "mail password\n";
  if (path == "/etc/gatehouse/secrets/corporate") return "hunter2\r\n";
  if (path == "/etc/gatehouse/empty") return "\n";
  return std::nullopt;
}

std::expected<File, std::vector<Problem>> parse_text(std::string_view text) {
  return parse("gatehouse.yaml", "/etc/gatehouse", text, selectors::registry(), read_file_for_test);
}

std::string problems_of(std::string_view text) {
  const auto file = parse_text(text);
  std::string all;
  if (file) return all;
  for (const Problem& problem : file.error()) {
    if (!all.empty()) all += '\n';
    all += to_string(problem);
  }
  return all;
}

// The example of the reference page, as it stands there.
std::string documented_example() {
  const std::string page =
      read_text(GATEHOUSE_TESTDATA "/../../../docs/reference/configuration.md");
  constexpr std::string_view kBegin = "```yaml\n";
  const std::size_t begin = page.find(kBegin);
  const std::size_t end = page.find("```\n", begin + kBegin.size());
  if (begin == std::string::npos || end == std::string::npos) return {};
  return page.substr(begin + kBegin.size(), end - begin - kBegin.size());
}

TEST(ConfigurationFile, DocumentedExample) {
  const std::string text = documented_example();
  ASSERT_FALSE(text.empty());
  ASSERT_EQ(problems_of(text), "");
  const File file = parse_text(text).value();

  const Settings& settings = file.settings;
  EXPECT_EQ(settings.state_directory, "/var/lib/gatehouse");
  EXPECT_EQ(settings.listen.https_port, 443);
  ASSERT_EQ(settings.certificates.size(), 1u);
  EXPECT_EQ(settings.certificates[0].hosts,
            (std::vector<std::string>{"auth.example.com", "*.apps.example.com"}));
  EXPECT_EQ(settings.certificates[0].certificate_file, "/etc/gatehouse/tls/example.pem");
  EXPECT_EQ(settings.certificates[0].key_file, "/etc/gatehouse/tls/example.key");
  EXPECT_EQ(settings.smtp.host, "smtp.example.com");
  EXPECT_EQ(settings.smtp.port, 587);
  EXPECT_EQ(settings.smtp.security, SmtpSecurity::StartTls);
  EXPECT_EQ(settings.smtp.from, "Gatehouse <gatehouse@example.com>");
  EXPECT_EQ(settings.smtp.password.reveal(), "mail password");
  EXPECT_EQ(settings.nginx_binary, "/usr/sbin/nginx");

  const model::Resources& resources = file.resources;
  EXPECT_EQ(model::secret_of(resources.identity_providers.at(1).secrets, "client_secret").reveal(),
            "hunter2");
  EXPECT_FALSE(resources.identity_providers[1].config.contains("client_secret_file"));
  std::string pem = public_key_pem();
  pem.pop_back();
  EXPECT_EQ(resources.posture_integrations.at(0).config.at("public_certificate"), json::value(pem));
  EXPECT_EQ(resources.applications.at(1).domains,
            std::vector<std::string>{"wiki.apps.example.com/admin"});
  EXPECT_EQ(resources.applications[0].session_duration, std::chrono::hours(8));
  EXPECT_EQ(resources.ingress.at(0).service, "http://127.0.0.1:8080");

  EXPECT_EQ(settings.country_database, "/usr/share/GeoIP/GeoLite2-Country.mmdb");
  EXPECT_EQ(settings.forward_auth.port, 9100);
  ASSERT_EQ(settings.api.allow_from.size(), 2u);
  EXPECT_EQ(settings.api.allow_from[1].to_string(), "192.0.2.0/24");
  EXPECT_EQ(resources.lists.at(1).items.size(), 2u);
  EXPECT_EQ(resources.certificates.at(0).certificate + "\n", testdata("authority.pem"));
  const model::Policy& reusable = resources.applications[0].policies.at(1);
  EXPECT_TRUE(reusable.reusable);
  EXPECT_EQ(reusable.id, resources.policies.at(0).id);
  EXPECT_TRUE(resources.applications[0].cors_headers);
  EXPECT_TRUE(resources.applications[1].policies.at(0).purpose_justification_required);
}

constexpr std::string_view kBase =
    "organization:\n"                                           // 1
    "  auth_domain: auth.example.com\n"                         // 2
    "listen:\n"                                                 // 3
    "  https_port: 8443\n"                                      // 4
    "identity_providers:\n"                                     // 5
    "  - name: Corporate\n"                                     // 6
    "    type: oidc\n"                                          // 7
    "    config:\n"                                             // 8
    "      issuer: https://login.example.com\n"                 // 9
    "      client_secret_file: secrets/corporate\n"             // 10
    "      client_id: gatehouse\n"                              // 11
    "device_posture_integrations:\n"                            // 12
    "  - name: Tanium\n"                                        // 13
    "    type: tanium\n"                                        // 14
    "    config:\n"                                             // 15
    "      public_certificate_file: tanium.pem\n"               // 16
    "      port: 17472\n"                                       // 17
    "device_posture_rules:\n"                                   // 18
    "  - name: Managed\n"                                       // 19
    "    type: tanium\n"                                        // 20
    "    input: {connection_id: Tanium}\n"                      // 21
    "groups:\n"                                                 // 22
    "  - name: Staff\n"                                         // 23
    "    include:\n"                                            // 24
    "      - email_domain: {domain: example.com}\n"             // 25
    "applications:\n"                                           // 26
    "  - name: Wiki\n"                                          // 27
    "    domain: wiki.example.com\n"                            // 28
    "    policies:\n"                                           // 29
    "      - name: Staff\n"                                     // 30
    "        decision: allow\n"                                 // 31
    "        include:\n"                                        // 32
    "          - group: {id: Staff}\n"                          // 33
    "        require:\n"                                        // 34
    "          - device_posture: {integration_uid: Managed}\n"  // 35
    "ingress:\n"                                                // 36
    "  - hostname: wiki.example.com\n"                          // 37
    "    service: http://127.0.0.1:8080\n";                     // 38

// The base file with one text replaced, and everything said about it.
struct Case {
  std::string_view name;
  std::string_view find;
  std::string replacement;
  std::string expected;
};

void check(std::span<const Case> cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::string text(kBase);
    const std::size_t at = text.find(c.find);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, c.find.size(), c.replacement);
    EXPECT_EQ(problems_of(text), c.expected);
  }
}

TEST(ConfigurationFile, SettingsAndResourcesMayStandAlone) {
  const File settings = parse_text("log_level: warn\n").value();
  EXPECT_TRUE(settings.has_settings);
  EXPECT_FALSE(settings.has_resources);
  EXPECT_EQ(settings.settings.log_level, "warn");

  const std::string resources =
      "organization: {name: A, auth_domain: auth.example.com}\n"
      "device_posture_integrations:\n"
      "  - {name: P, type: kolide, interval: 10m, config: {client_id: c}}\n";
  const File alone = parse_text(resources).value();
  EXPECT_FALSE(alone.has_settings);
  EXPECT_TRUE(alone.has_resources);
  EXPECT_EQ(alone.resources.organization.auth_domain, "auth.example.com");
  // With settings it is the whole of a gateway, which needs its secrets.
  EXPECT_EQ(problems_of(resources + "log_level: warn\n"),
            "gatehouse.yaml:3: device_posture_integrations[0].config.client_secret: is required");
}

TEST(ConfigurationFile, ProblemsOfTheFile) {
  EXPECT_EQ(problems_of(kBase), "");
  EXPECT_EQ(problems_of(""), "gatehouse.yaml: is empty");
  EXPECT_EQ(problems_of("# nothing\n"), "gatehouse.yaml: is empty");
  EXPECT_EQ(problems_of("\n- a\n"), "gatehouse.yaml:2: must be a map of settings");
  EXPECT_EQ(problems_of("{}"), "");
  EXPECT_EQ(problems_of("lists: []"), "gatehouse.yaml: organization: is required");
  const Case cases[] = {
      {"tab", "  auth_domain", "\tauth_domain", "gatehouse.yaml:2: illegal map value"},
      {"duplicate", "    domain: wiki.example.com\n",
       "    domain: wiki.example.com\n    name: Wiki\n",
       "gatehouse.yaml:29: applications[0].name: is a duplicate key"},
      {"unknown section", "groups:", "gruops:",
       "gatehouse.yaml:22: gruops: is not a known key; did you mean `groups`?\n"
       "gatehouse.yaml:33: applications[0].policies[0].include[0].group.id: there is no group "
       "`Staff`"},
      {"section is no list", "ingress:\n  - hostname: wiki.example.com\n", "ingress:\n",
       "gatehouse.yaml:36: ingress: must be a list"},
  };
  check(cases);
}

TEST(ConfigurationFile, ProblemsOfResourcesHaveLines) {
  const Case cases[] = {
      {"missing key: line of its owner", "        decision: allow\n", "",
       "gatehouse.yaml:30: applications[0].policies[0].decision: is required"},
      {"no ingress", "domain: wiki.example.com", "domain: docs.example.com",
       "gatehouse.yaml:28: applications[0].domain: there is no ingress rule for host "
       "`docs.example.com`"},
      {"domain with a port", "domain: wiki.example.com", "domain: wiki.example.com:8443",
       "gatehouse.yaml:28: applications[0].domain: must not have a port"},
      {"dangling", "{integration_uid: Managed}", "{integration_uid: Manged}",
       "gatehouse.yaml:35: applications[0].policies[0].require[0].device_posture.integration_uid: "
       "there is no device posture rule `Manged`; did you mean `Managed`?"},
      {"selector kind", "- email_domain:", "- emaildomain:",
       "gatehouse.yaml:25: groups[0].include[0].emaildomain: is not a known kind of rule; did you "
       "mean `email_domain`?"},
      {"circle", "- email_domain: {domain: example.com}", "- group: {id: Staff}",
       "gatehouse.yaml:23: groups[0]: groups contain each other: Staff -> Staff"},
      {"duration", "    domain: wiki", "    session_duration: 24\n    domain: wiki",
       "gatehouse.yaml:28: applications[0].session_duration: must be a duration such as `24h` or "
       "`1h30m`, at most ten years"},
      {"several, in the order of the file", "  auth_domain: auth.example.com\n",
       "  auth_domain: wiki.example.com\n  nmae: X\n",
       "gatehouse.yaml:3: organization.nmae: is not a known key; did you mean `name`?\n"
       "gatehouse.yaml:29: applications[0].domain: is the auth domain, which cannot also be an "
       "application"},
      {"name like a number", "name: Wiki", "name: 2024", ""},
      {"name like a fraction", "name: Wiki", "name: 1.10",
       "gatehouse.yaml:27: applications[0].name: must be text: put it in quotes"},
      {"service with a path", "service: http://127.0.0.1:8080", "service: http://127.0.0.1:8080/x",
       "gatehouse.yaml:38: ingress[0].service: must not have a path: write it as "
       "`http://127.0.0.1:8080`"},
  };
  check(cases);
}

TEST(ConfigurationFile, ProblemsOfFilesNamedInIt) {
  const Case cases[] = {
      {"unreadable certificate", "tanium.pem", "absent.pem",
       "gatehouse.yaml:16: device_posture_integrations[0].config.public_certificate_file: cannot "
       "read `/etc/gatehouse/absent.pem`"},
      {"unreadable secret", "secrets/corporate", "/run/absent",
       "gatehouse.yaml:10: identity_providers[0].config.client_secret_file: cannot read "
       "`/run/absent`"},
      {"empty secret", "secrets/corporate", "empty",
       "gatehouse.yaml:10: identity_providers[0].config.client_secret_file: `/etc/gatehouse/empty` "
       "is empty"},
      {"not a certificate", "tanium.pem", "secrets/smtp",
       "gatehouse.yaml:16: device_posture_integrations[0].config.public_certificate: is not PEM: "
       "it "
       "must be `-----BEGIN CERTIFICATE-----` or `-----BEGIN PUBLIC KEY-----` with all lines up to "
       "the END line"},
      {"both", "      client_id: gatehouse\n",
       "      client_id: gatehouse\n      client_secret: hunter2\n",
       "gatehouse.yaml:10: identity_providers[0].config.client_secret_file: must not stand beside "
       "`client_secret`"},
      {"file is no text", "tanium.pem", "[tanium.pem]",
       "gatehouse.yaml:16: device_posture_integrations[0].config.public_certificate_file: must be "
       "text"},
      // What comes from a file keeps its place: the line of the next key is still right.
      {"problem after a file", "port: 17472", "port: 0",
       "gatehouse.yaml:17: device_posture_integrations[0].config.port: must be a whole number from "
       "1 to 65535"},
      {"empty client id after a file", "client_id: gatehouse", "client_id: ''",
       "gatehouse.yaml:11: identity_providers[0].config.client_id: must not be empty"},
  };
  check(cases);
}

TEST(ConfigurationFile, ProblemsOfSettings) {
  const std::string log_size = "must be a size from `1MiB` to `1024GiB`, such as `64MiB`";
  const auto with = [](std::string_view name, std::string section, std::string expected) {
    return Case{name, "listen:\n  https_port: 8443\n", std::move(section), std::move(expected)};
  };
  const Case cases[] = {
      with("nothing at all", "", ""),
      with("address", "listen: {address: localhost}\n",
           "gatehouse.yaml:3: listen.address: must be an IP address such as `0.0.0.0` or `::`"),
      with("IPv6", "listen: {address: '::'}\n", ""),
      with("port 0", "listen: {https_port: 0}\n",
           "gatehouse.yaml:3: listen.https_port: must be a whole number from 1 to 65535"),
      with("no plain port", "listen: {http_port: 0}\n", ""),
      with("ports collide", "listen: {https_port: 80}\n",
           "gatehouse.yaml:3: listen.http_port: must differ from https_port"),
      with("port as text", "listen: {https_port: '443'}\n",
           "gatehouse.yaml:3: listen.https_port: must be a whole number from 1 to 65535"),
      with("listen key", "listen:\n  http-port: 80\n",
           "gatehouse.yaml:4: listen.http-port: is not a known key; did you mean `http_port`?"),
      with("listen is text", "listen: 443\n", "gatehouse.yaml:3: listen: must be an object"),
      with("certificate without hosts", "certificates:\n  - certificate_file: a\n    key_file: b\n",
           "gatehouse.yaml:4: certificates[0].hosts: must name at least one host"),
      with("certificate without files", "certificates:\n  - hosts: [a.example.com]\n",
           "gatehouse.yaml:4: certificates[0].certificate_file: is required\n"
           "gatehouse.yaml:4: certificates[0].key_file: is required"),
      with("certificate hosts",
           "certificates:\n  - hosts:\n      - a.example.com\n      - A.example.com\n"
           "      - https://b\n    certificate_file: a\n    key_file: b\n",
           "gatehouse.yaml:6: certificates[0].hosts[1]: `a.example.com` already has a certificate\n"
           "gatehouse.yaml:7: certificates[0].hosts[2]: must not have a scheme: write it as "
           "`app.example.com`"),
      with("store", "store: mysql://user:hush@db/gatehouse\n",
           "gatehouse.yaml:3: store: must be `sqlite:///absolute/path` or "
           "`postgresql://user@host:port/database`"),
      with("store without a path", "store: 'sqlite:///'\n",
           "gatehouse.yaml:3: store: must be `sqlite:///absolute/path` or "
           "`postgresql://user@host:port/database`"),
      with("store without a server", "store: 'postgres://'\n",
           "gatehouse.yaml:3: store: must be `sqlite:///absolute/path` or "
           "`postgresql://user@host:port/database`"),
      with("store in PostgreSQL", "store: postgresql://gatehouse@db/gatehouse\n", ""),
      with("store in PostgreSQL, shorter", "store: postgres://gatehouse@db/gatehouse\n", ""),
      with("log level", "log_level: verbose\n",
           "gatehouse.yaml:3: log_level: must be one of: trace, debug, info, warn, error"),
      with("empty state directory", "state_directory: ''\n",
           "gatehouse.yaml:3: state_directory: must not be empty"),
      with("mail without host and sender", "smtp: {security: tls}\n",
           "gatehouse.yaml:3: smtp.host: is required\ngatehouse.yaml:3: smtp.from: is required"),
      with("mail host with port", "smtp: {host: 'mail:25', from: a@example.com}\n",
           "gatehouse.yaml:3: smtp.host: must be a host name or an IPv4 address, without a port"),
      with("mail sender", "smtp: {host: mail, from: nobody}\n",
           "gatehouse.yaml:3: smtp.from: must be an address such as `gatehouse@example.com` or "
           "`Gatehouse <gatehouse@example.com>`"),
      with("mail security", "smtp: {host: mail, from: a@example.com, security: ssl}\n",
           "gatehouse.yaml:3: smtp.security: must be one of: none, starttls, tls"),
      with("password in the clear",
           "smtp: {host: mail, from: a@example.com, security: none, username: a, password: b}\n",
           "gatehouse.yaml:3: smtp.security: `none` would send the password in the clear"),
      with("username alone", "smtp: {host: mail, from: a@example.com, username: a}\n",
           "gatehouse.yaml:3: smtp.password: is required: `username` and `password` belong "
           "together"),
      with("password alone", "smtp: {host: mail, from: a@example.com, password: a}\n",
           "gatehouse.yaml:3: smtp.username: is required: `username` and `password` belong "
           "together"),
      with("two passwords",
           "smtp:\n  host: mail\n  from: a@example.com\n  username: a\n  password: b\n"
           "  password_file: secrets/smtp\n",
           "gatehouse.yaml:8: smtp.password_file: must not stand beside `password`"),
      with("unreadable password",
           "smtp:\n  host: mail\n  from: a@example.com\n  username: a\n  password_file: absent\n",
           "gatehouse.yaml:7: smtp.password_file: cannot read `/etc/gatehouse/absent`"),
      with("country database", "country_database: ''\n",
           "gatehouse.yaml:3: country_database: must not be empty"),
      with("decision log", "decision_log: {}\n", ""),
      with("smallest log", "decision_log: {max_size: 1MiB, files: 1, allow_sample: 0}\n", ""),
      with("largest log",
           "decision_log: {max_size: 1024GiB, files: 1000, allow_sample: 1000000000}\n", ""),
      with("log too small", "decision_log: {max_size: 1023KiB}\n",
           "gatehouse.yaml:3: decision_log.max_size: " + log_size),
      with("log too large", "decision_log: {max_size: 1025GiB}\n",
           "gatehouse.yaml:3: decision_log.max_size: " + log_size),
      with("log of 2^64 and more", "decision_log: {max_size: 18446744073709551617MiB}\n",
           "gatehouse.yaml:3: decision_log.max_size: " + log_size),
      with("log in decimal units", "decision_log: {max_size: 64MB}\n",
           "gatehouse.yaml:3: decision_log.max_size: " + log_size),
      with("log without unit", "decision_log: {max_size: 67108864}\n",
           "gatehouse.yaml:3: decision_log.max_size: must be text: put it in quotes"),
      with("no log files", "decision_log: {files: 0}\n",
           "gatehouse.yaml:3: decision_log.files: must be a whole number from 1 to 1000"),
      with("sample", "decision_log: {allow_sample: -1}\n",
           "gatehouse.yaml:3: decision_log.allow_sample: must be a whole number from 0 to "
           "1000000000"),
      with("misspelt in the log", "decision_log: {max_sise: 64MiB}\n",
           "gatehouse.yaml:3: decision_log.max_sise: is not a known key; did you mean "
           "`max_size`?"),
      with("misspelt log", "decision_logs: {}\n",
           "gatehouse.yaml:3: decision_logs: is not a known key; did you mean `decision_log`?"),
      with("forward auth", "forward_auth: {listen: {port: 9100}, trusted_peers: [127.0.0.1]}\n",
           ""),
      with("forward auth without port", "forward_auth: {trusted_peers: [127.0.0.1]}\n", ""),
      with("forward auth without peers", "forward_auth: {listen: {port: 9100}}\n",
           "gatehouse.yaml:3: forward_auth.trusted_peers: is required: the addresses of the "
           "proxies that ask"),
      with("forward auth with no peer", "forward_auth: {listen: {port: 9100}, trusted_peers: []}\n",
           "gatehouse.yaml:3: forward_auth.trusted_peers: is required: the addresses of the "
           "proxies that ask"),
      with("everybody is trusted",
           "forward_auth:\n  listen: {port: 9100}\n  trusted_peers:\n    - 0.0.0.0/0\n"
           "    - ::/0\n    - 10.0.0.1/8\n    - 10.0.0.0/8\n",
           "gatehouse.yaml:6: forward_auth.trusted_peers[0]: would trust everybody: whoever "
           "reaches the port could claim any address, host and path\n"
           "gatehouse.yaml:7: forward_auth.trusted_peers[1]: would trust everybody: whoever "
           "reaches the port could claim any address, host and path\n"
           "gatehouse.yaml:8: forward_auth.trusted_peers[2]: must be an address or a network such "
           "as `192.0.2.0/24`, with no bits set beyond its prefix"),
      with("forward auth address",
           "forward_auth: {listen: {address: localhost, port: 9100}, trusted_peers: [::1]}\n",
           "gatehouse.yaml:3: forward_auth.listen.address: must be an IP address such as "
           "`127.0.0.1` or `::1`"),
      with("forward auth port is taken",
           "forward_auth: {listen: {port: 443}, trusted_peers: [::1]}\n",
           "gatehouse.yaml:3: forward_auth.listen.port: must differ from the ports in `listen` of "
           "the whole file"),
      with("forward auth misspelt", "forward_auth: {listen: {port: 9100}, trusted_peer: [::1]}\n",
           "gatehouse.yaml:3: forward_auth.trusted_peers: is required: the addresses of the "
           "proxies that ask\n"
           "gatehouse.yaml:3: forward_auth.trusted_peer: is not a known key; did you mean "
           "`trusted_peers`?"),
      with("api",
           "api: {enabled: false, allow_from: [192.0.2.0/24, ::/0], "
           "requests_per_5_minutes: 0}\n",
           ""),
      with("api for nobody", "api: {allow_from: []}\n",
           "gatehouse.yaml:3: api.allow_from: must name at least one network; `enabled: false` "
           "turns the API off"),
      with("api for what is no network", "api: {allow_from: [localhost]}\n",
           "gatehouse.yaml:3: api.allow_from[0]: must be an address or a network such as "
           "`192.0.2.0/24`, with no bits set beyond its prefix"),
      with("api requests", "api: {requests_per_5_minutes: -1}\n",
           "gatehouse.yaml:3: api.requests_per_5_minutes: must be a whole number from 0 to "
           "1000000"),
      with("api misspelt", "api: {allowed_from: [::1]}\n",
           "gatehouse.yaml:3: api.allowed_from: is not a known key; did you mean `allow_from`?"),
      with("dashboard", "dashboard: {web_directory: web}\n", ""),
      with("dashboard nowhere", "dashboard: {web_directory: ''}\n",
           "gatehouse.yaml:3: dashboard.web_directory: must not be empty"),
      with("dashboard misspelt", "dashboard: {directory: web}\n",
           "gatehouse.yaml:3: dashboard.directory: is not a known key; known: web_directory"),
      with("nginx", "nginx: {workers: -1, user: 'www;data', binary: ''}\n",
           "gatehouse.yaml:3: nginx.binary: must not be empty\n"
           "gatehouse.yaml:3: nginx.workers: must be a whole number from 0 to 1024\n"
           "gatehouse.yaml:3: nginx.user: must be the name of a user such as `www-data`"),
  };
  check(cases);
}

TEST(ConfigurationFile, Settings) {
  std::string text(kBase);
  text +=
      "    originRequest: {caPool: ca/origin.pem}\n"
      "state_directory: state\n"
      "store: sqlite:///srv/gatehouse.db\n"
      "outbound_ca_file: ca.pem\n"
      "log_level: debug\n"
      "smtp: {host: 127.0.0.1, security: none, from: a@example.com}\n"
      "nginx: {binary: /opt/nginx, module: module.so, workers: 4, user: web}\n"
      "country_database: geo/countries.mmdb\n"
      "decision_log: {max_size: 3MiB, files: 2, allow_sample: 0}\n"
      "forward_auth:\n"
      "  listen: {address: '::', port: 9100}\n"
      "  trusted_peers: [192.0.2.0/24, 2001:db8::1]\n";
  ASSERT_EQ(problems_of(text), "");
  const File file = parse_text(text).value();
  const Settings& settings = file.settings;
  EXPECT_EQ(settings.listen.https_port, 8443);
  EXPECT_EQ(settings.listen.http_port, 80);
  EXPECT_EQ(settings.state_directory, "/etc/gatehouse/state");
  EXPECT_EQ(settings.store, "sqlite:///srv/gatehouse.db");
  EXPECT_EQ(settings.outbound_ca_file, "/etc/gatehouse/ca.pem");
  EXPECT_EQ(settings.log_level, "debug");
  EXPECT_EQ(settings.smtp.port, 25);
  EXPECT_EQ(settings.smtp.security, SmtpSecurity::None);
  EXPECT_TRUE(settings.smtp.password.empty());
  EXPECT_EQ(settings.nginx_binary, "/opt/nginx");
  EXPECT_EQ(settings.nginx_module, "/etc/gatehouse/module.so");
  EXPECT_EQ(settings.nginx_workers, 4u);
  EXPECT_EQ(settings.nginx_user, "web");
  EXPECT_EQ(settings.country_database, "/etc/gatehouse/geo/countries.mmdb");
  EXPECT_EQ(settings.decision_log.max_bytes, 3u << 20);
  EXPECT_EQ(settings.decision_log.files, 2u);
  EXPECT_EQ(settings.decision_log.allow_sample, 0u);
  EXPECT_EQ(settings.forward_auth.address, "::");
  EXPECT_EQ(settings.forward_auth.port, 9100);
  EXPECT_EQ(settings.forward_auth.trusted_peers,
            (std::vector<IpNetwork>{*IpNetwork::parse("192.0.2.0/24"),
                                    *IpNetwork::parse("2001:db8::1")}));
  EXPECT_EQ(file.resources.ingress.at(0).origin_request.at("caPool"),
            "/etc/gatehouse/ca/origin.pem");
}

TEST(ConfigurationFile, SettingsLeftOut) {
  const Settings settings = parse_text(kBase).value().settings;
  EXPECT_EQ(settings.country_database, "");
  EXPECT_EQ(settings.decision_log.max_bytes, 64u << 20);
  EXPECT_EQ(settings.decision_log.files, 8u);
  EXPECT_EQ(settings.decision_log.allow_sample, 100u);
  EXPECT_EQ(settings.forward_auth.port, 0);
}

TEST(ConfigurationFile, CertificatesAndPagesStandInFiles) {
  std::string text(kBase);
  text +=
      "mtls_certificates:\n"                   // 39
      "  - name: Devices\n"                    // 40
      "    certificate_file: authority.pem\n"  // 41
      "    associated_hostnames: [wiki.example.com]\n"
      "    crl_file: authority.crl\n"          // 43
      "custom_pages:\n"                        // 44
      "  - name: Refused\n"                    // 45
      "    type: forbidden\n"                  // 46
      "    custom_html_file: refused.html\n";  // 47
  ASSERT_EQ(problems_of(text), "");
  const model::Resources resources = parse_text(text).value().resources;
  EXPECT_EQ(resources.certificates.at(0).certificate + "\n", testdata("authority.pem"));
  EXPECT_EQ(resources.certificates[0].crl + "\n", testdata("authority.crl"));
  EXPECT_EQ(resources.custom_pages.at(0).custom_html, "<h1>Refused</h1>");

  const auto with = [&](std::string_view find, std::string_view replacement) {
    std::string changed = text;
    changed.replace(changed.find(find), find.size(), replacement);
    return problems_of(changed);
  };
  EXPECT_EQ(with("authority.pem", "absent.pem"),
            "gatehouse.yaml:41: mtls_certificates[0].certificate_file: cannot read "
            "`/etc/gatehouse/absent.pem`");
  EXPECT_EQ(with("authority.crl", "authority.pem"),
            "gatehouse.yaml:43: mtls_certificates[0].crl: block 1 is a `CERTIFICATE`, not a "
            "revocation list");
  EXPECT_EQ(with("type: forbidden", "custom_html: No"),
            "gatehouse.yaml:45: custom_pages[0].type: is required\n"
            "gatehouse.yaml:47: custom_pages[0].custom_html_file: must not stand beside "
            "`custom_html`");
}

TEST(ConfigurationFile, SecretsAreNotInMessages) {
  std::string text(kBase);
  const std::string_view find = "client_secret_file: secrets/corporate";
  text.replace(text.find(find), find.size(), "client_secret: [hunter2]");
  const std::string problems = problems_of(text);
  EXPECT_EQ(problems,
            "gatehouse.yaml:10: identity_providers[0].config.client_secret: must be text");
}

TEST(ConfigurationFile, ProblemText) {
  EXPECT_EQ(to_string({"a.yaml", 12, "applications[0].name", "must not be empty"}),
            "a.yaml:12: applications[0].name: must not be empty");
  EXPECT_EQ(to_string({"a.yaml", 0, "", "is empty"}), "a.yaml: is empty");
}

}  // namespace
}  // namespace gatehouse::configuration
