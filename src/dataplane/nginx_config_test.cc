#include "dataplane/nginx_config.h"

#include <gtest/gtest.h>

#include "base/check.h"

namespace gatehouse::dataplane {
namespace {

class NginxConfig : public testing::Test {
 protected:
  NginxConfig() {
    settings_.listen = {.address = "127.0.0.1", .https_port = 8443, .http_port = 8080};
    settings_.certificates = {
        {.hosts = {"*.team.example"}, .certificate_file = "/c", .key_file = "/k"}};
    resources_.organization.auth_domain = "auth.team.example";
    resources_.ingress = {{.hostname = "wiki.team.example",
                           .path = "",
                           .service = "http://127.0.0.1:9000",
                           .origin_request = {}}};
    paths_ = {.prefix = "/s/nginx",
              .node_state = "/s/node-state",
              .access_socket = "/s/run/access.sock",
              .decision_log = "/s/log/decisions.jsonl",
              .module = "/m.so",
              .api_socket = "/s/run/api.sock",
              .dashboard_socket = "/s/run/dashboard.sock"};
  }
  std::string render(bool as_root = false) {
    auto text = render_nginx_config(settings_, resources_, paths_, as_root);
    EXPECT_TRUE(text) << text.error().message;
    return text.value_or("");
  }
  static std::size_t count(const std::string& text, std::string_view part) {
    std::size_t result = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
      ++result;
    return result;
  }

  configuration::Settings settings_;
  model::Resources resources_;
  Paths paths_;
};

TEST_F(NginxConfig, EveryHostHasAServerAndTheModuleIsOnByDefault) {
  const std::string text = render();
  EXPECT_NE(text.find("server_name auth.team.example;"), std::string::npos);
  EXPECT_NE(text.find("server_name wiki.team.example;"), std::string::npos);
  EXPECT_NE(text.find("http {\n  gatehouse_state_directory \"/s/node-state\";\n  gatehouse on;"),
            std::string::npos);
  EXPECT_NE(text.find("ssl_reject_handshake on;"), std::string::npos);
  EXPECT_EQ(text.find("user "), std::string::npos);
  EXPECT_NE(render(true).find("user www-data;"), std::string::npos);
}

// Off only where nothing is forwarded to an application.
TEST_F(NginxConfig, NoApplicationLocationIsUnprotected) {
  resources_.ingress.push_back({.hostname = "b.team.example",
                                .path = "^/api",
                                .service = "https://10.0.0.1",
                                .origin_request = {}});
  const std::string text = render();
  for (std::size_t at = text.find("proxy_pass http://gatehouse_origin"); at != std::string::npos;
       at = text.find("proxy_pass http://gatehouse_origin", at + 1)) {
    const std::size_t begin = text.rfind("location", at);
    EXPECT_EQ(text.substr(begin, at - begin).find("gatehouse off"), std::string::npos);
  }
  EXPECT_NE(text.find("location ~ \"^/api\""), std::string::npos);
  EXPECT_NE(text.find("proxy_ssl_verify on;"), std::string::npos);
}

TEST_F(NginxConfig, IngressRulesInOrderUpToTheFirstForEverything) {
  resources_.ingress = {
      {.hostname = "wiki.team.example",
       .path = "\\.php$",
       .service = "http_status:404",
       .origin_request = {}},
      {.hostname = "*.team.example",
       .path = "",
       .service = "http://127.0.0.1:9001",
       .origin_request = {}},
      {.hostname = "wiki.team.example",
       .path = "",
       .service = "http://127.0.0.1:9002",
       .origin_request = {}},
  };
  const std::string text = render();
  EXPECT_NE(text.find("location ~ \"\\\\.php$\" {\n      return 404;"), std::string::npos);
  EXPECT_NE(text.find("127.0.0.1:9001"), std::string::npos);
  EXPECT_EQ(text.find("127.0.0.1:9002"), std::string::npos);
}

TEST_F(NginxConfig, RequestLinesWithCodesStayOutOfTheErrorLog) {
  const std::string text = render();
  const std::size_t locations = count(text, "proxy_pass http://gatehouse_control;") +
                                count(text, "proxy_pass http://gatehouse_api;");
  EXPECT_EQ(locations, 3u);
  EXPECT_EQ(count(text, "gatehouse off;\n      error_log \"/s/nginx/error.log\" crit;"), locations);
}

TEST_F(NginxConfig, TheApiIsServedOnTheAuthDomainToThoseWhoMayAsk) {
  std::string text = render();
  EXPECT_EQ(count(text, "location ^~ /client/v4/ {"), 1u);
  EXPECT_GT(text.find("/client/v4/"), text.find("server_name auth.team.example;"));
  EXPECT_LT(text.find("/client/v4/"), text.find("server_name wiki.team.example;"));
  EXPECT_NE(text.find("allow 127.0.0.0/8;\n      allow ::1/128;\n      deny all;"),
            std::string::npos);
  EXPECT_NE(text.find("`api.allow_from`"), std::string::npos);
  EXPECT_NE(text.find("client_max_body_size 4m;\n      client_body_buffer_size 4m;"),
            std::string::npos);
  settings_.api.allow_from = {IpNetwork::parse("192.0.2.0/24").value()};
  text = render();
  EXPECT_NE(text.find("      allow 192.0.2.0/24;\n      deny all;"), std::string::npos);
  EXPECT_EQ(text.find("allow 127"), std::string::npos);
  settings_.api.enabled = false;
  EXPECT_EQ(render().find("/client/v4/"), std::string::npos);
}

// The module judges every request to it, like those to any other application.
TEST_F(NginxConfig, TheDashboardIsTheControlPlanes) {
  model::Application dashboard;
  dashboard.type = model::ApplicationType::Dashboard;
  dashboard.domains = {"dash.team.example"};
  resources_.applications.push_back(dashboard);
  model::MtlsCertificate authority;
  authority.certificate = "A";
  authority.associated_hostnames = {"dash.team.example"};
  std::string text = render();
  text = text.substr(text.find("server_name dash.team.example;"));
  EXPECT_EQ(count(text, "proxy_pass http://gatehouse_dashboard;"), 2u);
  for (std::size_t at = text.find("proxy_pass http://gatehouse_dashboard"); at != std::string::npos;
       at = text.find("proxy_pass http://gatehouse_dashboard", at + 1)) {
    const std::size_t begin = text.rfind("location", at);
    EXPECT_EQ(text.substr(begin, at - begin).find("gatehouse off"), std::string::npos);
    EXPECT_NE(text.find("Gatehouse-Client-Ip $remote_addr;", at), std::string::npos);
  }
  EXPECT_EQ(text.find("Gatehouse-Client-Certificate"), std::string::npos);
  EXPECT_TRUE(client_certificate_files(resources_, paths_).empty());
  resources_.certificates = {authority};
  EXPECT_EQ(count(render(), "Gatehouse-Client-Certificate $ssl_client_escaped_cert;"), 2u);
  EXPECT_EQ(client_certificate_files(resources_, paths_).size(), 1u);
}

TEST_F(NginxConfig, OneUpstreamAnOrigin) {
  resources_.ingress.push_back({.hostname = "b.team.example",
                                .path = "",
                                .service = "http://127.0.0.1:9000",
                                .origin_request = {}});
  EXPECT_EQ(count(render(), "server \"127.0.0.1:9000\""), 1u);
}

TEST_F(NginxConfig, TheHostHeaderIsOursNotTheClients) {
  std::string text = render();
  EXPECT_NE(text.find("proxy_set_header Host $host:8443;"), std::string::npos);
  settings_.listen.public_https_port = 443;
  text = render();
  EXPECT_NE(text.find("proxy_set_header Host $host;"), std::string::npos);
  EXPECT_NE(text.find("return 308 https://$host$request_uri;"), std::string::npos);
  EXPECT_EQ(text.find("$http_host"), std::string::npos);
}

TEST_F(NginxConfig, AHostWithoutACertificateIsAnErrorThatNamesIt) {
  resources_.ingress[0].hostname = "wiki.other.example";
  const auto text = render_nginx_config(settings_, resources_, paths_, false);
  ASSERT_FALSE(text);
  EXPECT_NE(text.error().message.find("wiki.other.example"), std::string::npos);
}

TEST_F(NginxConfig, TheDecisionLogSaysWhatItWasDecidedOn) {
  settings_.decision_log.allow_sample = 7;
  std::string text = render();
  EXPECT_NE(text.find("gatehouse_allow_sample 7;"), std::string::npos);
  EXPECT_NE(text.find("\"transaction\":$gatehouse_transaction}"), std::string::npos);
  EXPECT_EQ(text.find("gatehouse_country_database"), std::string::npos);
  settings_.country_database = "/d/c.mmdb";
  EXPECT_NE(render().find("gatehouse_country_database \"/d/c.mmdb\";"), std::string::npos);
}

TEST_F(NginxConfig, ClientCertificatesAreAskedForOnTheirHostsOnly) {
  resources_.ingress.push_back({.hostname = "api.team.example",
                                .path = "",
                                .service = "http://127.0.0.1:9000",
                                .origin_request = {}});
  model::MtlsCertificate authority;
  authority.certificate = "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----";
  authority.associated_hostnames = {"api.team.example"};
  resources_.certificates = {authority};
  std::string text = render();
  EXPECT_EQ(count(text, "ssl_verify_client optional_no_ca;"), 1u);
  EXPECT_GT(text.find("ssl_verify_client"), text.find("server_name api.team.example;"));
  EXPECT_LT(text.find("ssl_verify_client"), text.find("server_name wiki.team.example;"));
  auto files = client_certificate_files(resources_, paths_);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].content, authority.certificate + "\n");
  EXPECT_NE(text.find("ssl_client_certificate \"" + files[0].path + "\";"), std::string::npos);

  resources_.certificates[0].associated_hostnames = {"*.team.example"};
  EXPECT_EQ(count(render(), "ssl_verify_client optional_no_ca;"), 2u);
  EXPECT_EQ(client_certificate_files(resources_, paths_).size(), 1u);
  resources_.certificates[0].certificate += "B";
  EXPECT_NE(client_certificate_files(resources_, paths_)[0].path, files[0].path);
}

TEST_F(NginxConfig, OriginsThatSpeakHttp2AreReachedByGrpc) {
  resources_.ingress.push_back(
      {.hostname = "b.team.example",
       .path = "^/pkg",
       .service = "https://10.0.0.1",
       .origin_request = {
           {"http2Origin", true}, {"connectTimeout", "2s"}, {"httpHostHeader", "inner"}}});
  resources_.ingress.push_back({.hostname = "b.team.example",
                                .path = "",
                                .service = "http://127.0.0.1:9000",
                                .origin_request = {{"http2Origin", true}}});
  const std::string text = render();
  EXPECT_NE(text.find("location ~ \"^/pkg\" {\n      grpc_pass grpcs://"), std::string::npos);
  EXPECT_NE(text.find("location / {\n      grpc_pass grpc://"), std::string::npos);
  for (const char* line :
       {"grpc_set_header Host \"inner\";", "grpc_set_header X-Real-IP $remote_addr;",
        "grpc_ssl_verify on;", "grpc_connect_timeout 2000ms;"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  // A connection kept for one protocol is not taken for the other.
  EXPECT_EQ(count(text, "server \"127.0.0.1:9000\""), 2u);
}

TEST_F(NginxConfig, OnlyWebSocketIsUpgraded) {
  const std::string text = render();
  EXPECT_NE(text.find("~*^websocket$ websocket;"), std::string::npos);
  EXPECT_EQ(text.find("Upgrade $http_upgrade"), std::string::npos);
}

TEST_F(NginxConfig, WithoutAnHttpPortThereAreNoRedirects) {
  settings_.listen.http_port = 0;
  EXPECT_EQ(render().find("308"), std::string::npos);
}

TEST(Quote, ReadsBackToTheByte) {
  EXPECT_EQ(quote("a b"), "\"a b\"");
  EXPECT_EQ(quote("a\"; evil on; #"), "\"a\\\"; evil on; #\"");
  EXPECT_EQ(quote("\\d+$"), "\"\\\\d+$\"");
  EXPECT_THROW((void)quote("a\nb"), InvariantViolation);
}

}  // namespace
}  // namespace gatehouse::dataplane
