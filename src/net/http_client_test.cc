#include "net/http_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <latch>
#include <thread>

#include "jose/jwk.h"
#include "net/http_server.h"
#include "net/test_support.h"

namespace gatehouse::net {
namespace {

using namespace std::chrono_literals;

class HttpClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("no_proxy", "*", 1);
    auto server = HttpServer::start({}, [this](const HttpRequest& request) {
      return Route{request.path == "/slow" ? Pool::Store : Pool::Inline,
                   [this](const HttpRequest& handled) { return answer(handled); }};
    });
    ASSERT_TRUE(server);
    server_ = std::move(*server);
  }
  void TearDown() override {
    release_.count_down();
    server_.reset();
  }

  [[nodiscard]] OutboundRequest request(std::string_view path) const {
    OutboundRequest result;
    result.url = "http://127.0.0.1:" + std::to_string(server_->port()) + std::string(path);
    return result;
  }

  HttpResponse answer(const HttpRequest& handled) {
    if (handled.path == "/slow") release_.wait();
    if (handled.path == "/redirect") return {302, {{"Location", "/elsewhere"}}, "moved"};
    if (handled.path == "/big") return {200, {}, std::string(1000, 'x')};
    if (handled.path == "/many")
      return {200, Headers(100, {"X-Long", std::string(1000, 'x')}), "small"};
    HttpResponse response{200, {{"X-Empty", ""}, {"X-Two", "1"}, {"X-Two", "2"}}, ""};
    response.body = handled.method + " " + handled.target + "\n";
    for (const auto& [name, value] : handled.headers) {
      response.body += name;
      response.body += "=" + value + "\n";
    }
    response.body += "\n" + handled.body;
    return response;
  }

  std::latch release_{1};
  std::unique_ptr<HttpServer> server_;
  const std::unique_ptr<HttpClient> client_ = make_http_client("");
};

TEST_F(HttpClientTest, SendsAndReceives) {
  auto outbound = request("/token?x=%20");
  outbound.method = "POST";
  outbound.headers = {
      {"Content-Type", "application/json"}, {"Accept", "application/json"}, {"X-Empty", ""}};
  outbound.body = std::string("{\"a\":\0}", 7);
  const auto response = client_->send(outbound);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(200, response->status);
  EXPECT_TRUE(response->body.starts_with("POST /token?x=%20\n"));
  EXPECT_TRUE(response->body.ends_with("\n\n" + outbound.body));
  for (const char* line : {"\nContent-Type=application/json\n", "\nAccept=application/json\n",
                           "\nX-Empty=\n", "\nContent-Length=7\n", "\nUser-Agent=gatehouse\n"})
    EXPECT_NE(std::string::npos, response->body.find(line)) << line;
  EXPECT_EQ(std::string::npos, response->body.find("Expect"));
  EXPECT_EQ(std::string::npos, response->body.find("Authorization"));
  HttpRequest as_request;
  as_request.headers = response->headers;
  EXPECT_EQ("", as_request.header("x-empty"));
  EXPECT_EQ(2U, as_request.count("X-Two"));
  EXPECT_EQ(0U, as_request.count("HTTP/1.1"));
}

TEST_F(HttpClientTest, Methods) {
  for (const char* method : {"GET", "PUT", "DELETE", "PATCH"}) {
    auto outbound = request("/m");
    outbound.method = method;
    const auto response = client_->send(outbound);
    ASSERT_TRUE(response) << method << response.error().message;
    EXPECT_TRUE(response->body.starts_with(std::string(method) + " /m\n")) << response->body;
  }
  auto outbound = request("/m");
  outbound.method = "HEAD";
  const auto response = client_->send(outbound);
  ASSERT_TRUE(response);
  EXPECT_EQ("", response->body);
}

TEST_F(HttpClientTest, BasicAuthorizationDoesNotStay) {
  auto outbound = request("/");
  outbound.basic_user = "client";
  outbound.basic_password = Secret("s:cret");
  const auto response = client_->send(outbound);
  ASSERT_TRUE(response);
  EXPECT_NE(std::string::npos, response->body.find("Authorization=Basic Y2xpZW50OnM6Y3JldA=="));
  const auto next = client_->send(request("/"));
  ASSERT_TRUE(next);
  EXPECT_EQ(std::string::npos, next->body.find("Authorization")) << "the handle was reset";
}

TEST_F(HttpClientTest, RedirectsAreNotFollowed) {
  const auto response = client_->send(request("/redirect"));
  ASSERT_TRUE(response);
  EXPECT_EQ(302, response->status);
  EXPECT_EQ("moved", response->body);
}

TEST_F(HttpClientTest, ResponseLimitIsExact) {
  auto outbound = request("/big");
  outbound.max_response_bytes = 1000;
  EXPECT_TRUE(client_->send(outbound));
  outbound.max_response_bytes = 999;
  const auto response = client_->send(outbound);
  ASSERT_FALSE(response);
  EXPECT_EQ(OutboundFailure::TooLarge, response.error().failure);
  EXPECT_EQ("`127.0.0.1`: the response is too large", response.error().message);
  const auto headers = client_->send(request("/many"));
  ASSERT_FALSE(headers);
  EXPECT_EQ(OutboundFailure::TooLarge, headers.error().failure);
}

TEST_F(HttpClientTest, Timeout) {
  auto outbound = request("/slow");
  outbound.timeout = 50ms;
  outbound.headers = {{"X-Secret", "hush"}};
  const auto response = client_->send(outbound);
  ASSERT_FALSE(response);
  EXPECT_EQ(OutboundFailure::Timeout, response.error().failure);
  EXPECT_TRUE(response.error().message.starts_with("`127.0.0.1`: ")) << response.error().message;
  EXPECT_EQ(std::string::npos, response.error().message.find("hush"));
}

TEST_F(HttpClientTest, FailuresAreNamed) {
  struct Case {
    const char* name;
    OutboundRequest request;
    OutboundFailure failure;
    std::string start;
  };
  const auto to = [](std::string url) {
    OutboundRequest result;
    result.url = std::move(url);
    return result;
  };
  const auto changed = [this](auto change) {
    auto result = request("/");
    change(result);
    return result;
  };
  const std::string port = std::to_string(test::closed_port());
  const Case cases[] = {
      {"refused", to("http://127.0.0.1:" + port + "/?code=hush"), OutboundFailure::Unreachable,
       "`127.0.0.1`: Failed to connect"},
      {"not TLS", to("https://127.0.0.1:" + std::to_string(server_->port()) + "/"),
       OutboundFailure::Tls, "`127.0.0.1`: "},
      {"other protocol", to("ftp://127.0.0.1/hush"), OutboundFailure::Protocol, "`127.0.0.1`: "},
      {"file", to("file:///etc/passwd"), OutboundFailure::Protocol, "the URL is not valid"},
      {"no URL", to("not a url"), OutboundFailure::Protocol, "the URL is not valid"},
      {"empty", to(""), OutboundFailure::Protocol, "the URL is not valid"},
      {"header injection", changed([](auto& r) { r.headers = {{"A", "hush\r\nB: c"}}; }),
       OutboundFailure::Protocol, "`127.0.0.1`: a request header is not valid"},
      {"header name", changed([](auto& r) { r.headers = {{"A: b", "hush"}}; }),
       OutboundFailure::Protocol, "`127.0.0.1`: a request header is not valid"},
      {"method", changed([](auto& r) { r.method = "GET / HTTP/1.1\r\nhush:"; }),
       OutboundFailure::Protocol, "`127.0.0.1`: not an HTTP method"},
  };
  for (const auto& c : cases) {
    const auto response = client_->send(c.request);
    ASSERT_FALSE(response) << c.name;
    EXPECT_EQ(c.failure, response.error().failure) << c.name << ": " << response.error().message;
    EXPECT_TRUE(response.error().message.starts_with(c.start))
        << c.name << ": " << response.error().message;
    EXPECT_EQ(std::string::npos, response.error().message.find("hush")) << c.name;
  }
}

TEST_F(HttpClientTest, BrokenServersAreProtocolErrors) {
  for (const char* bytes :
       {"", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"}) {
    const test::ScriptedServer broken([bytes](test::Peer& peer) {
      while (!peer.read_line().empty()) {
      }
      peer.write(bytes);
    });
    OutboundRequest outbound;
    outbound.url = "http://127.0.0.1:" + std::to_string(broken.port());
    const auto response = client_->send(outbound);
    ASSERT_FALSE(response) << bytes;
    EXPECT_EQ(OutboundFailure::Protocol, response.error().failure) << response.error().message;
    EXPECT_EQ(std::string::npos, response.error().message.find("nonsense"));
  }
}

TEST_F(HttpClientTest, InformationalHeadsAndTrailersAreDropped) {
  const test::ScriptedServer server([](test::Peer& peer) {
    while (!peer.read_line().empty()) {
    }
    peer.write(
        "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Real: 1\r\n"
        "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Trailer: 1\r\n\r\n");
  });
  OutboundRequest outbound;
  outbound.url = "http://127.0.0.1:" + std::to_string(server.port());
  const auto response = client_->send(outbound);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ("ab", response->body);
  const Headers expected = {{"X-Real", "1"}, {"Transfer-Encoding", "chunked"}};
  EXPECT_EQ(expected, response->headers);
}

TEST_F(HttpClientTest, ManyThreadsShareOneClient) {
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string path = "/" + std::to_string(t) + "-" + std::to_string(i);
        const auto response = client_->send(request(path));
        if (response && response->body.starts_with("GET " + path + "\n")) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(200, good);
}

class HttpsTest : public ::testing::Test {
 protected:
  static constexpr Instant kPast = from_epoch_seconds(946684800);      // 2000
  static constexpr Instant kPresent = from_epoch_seconds(1577836800);  // 2020
  static constexpr Instant kFuture = from_epoch_seconds(4102444800);   // 2100

  void SetUp() override { ::setenv("no_proxy", "*", 1); }

  void serve(Instant not_before, Instant not_after) {
    const auto key = jose::PrivateKey::generate_p256();
    const auto certificate =
        key.self_signed_certificate("localhost", "0123456789abcdef", not_before, not_after);
    std::ofstream(ca_file_) << certificate;
    server_ = std::make_unique<test::ScriptedServer>(
        [](test::Peer& peer) {
          if (!peer.start_tls()) return;
          while (!peer.read_line().empty()) {
          }
          peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        },
        certificate, std::string(key.to_pem().reveal()));
  }
  [[nodiscard]] std::expected<HttpResponse, OutboundError> get(const std::string& host,
                                                               const std::string& ca_file) const {
    OutboundRequest request;
    request.url = "https://" + host + ":" + std::to_string(server_->port()) + "/?code=hush";
    return make_http_client(ca_file)->send(request);
  }

  test::TemporaryDirectory directory_;
  const std::string ca_file_ = directory_.path("ca.pem");
  std::unique_ptr<test::ScriptedServer> server_;
};

TEST_F(HttpsTest, ExtraCaIsTrusted) {
  serve(kPast, kFuture);
  const auto response = get("localhost", ca_file_);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ("ok", response->body);
}

TEST_F(HttpsTest, UnknownIssuerIsRefused) {
  serve(kPast, kFuture);
  const auto response = get("localhost", "");
  ASSERT_FALSE(response);
  EXPECT_EQ(OutboundFailure::Tls, response.error().failure);
  EXPECT_TRUE(response.error().message.starts_with("`localhost`: SSL certificate problem"))
      << response.error().message;
}

TEST_F(HttpsTest, OtherNameIsRefused) {
  serve(kPast, kFuture);
  const auto response = get("127.0.0.1", ca_file_);
  ASSERT_FALSE(response);
  EXPECT_EQ(OutboundFailure::Tls, response.error().failure) << response.error().message;
}

TEST_F(HttpsTest, ExpiredCertificateIsRefused) {
  serve(kPast, kPresent);
  const auto response = get("localhost", ca_file_);
  ASSERT_FALSE(response);
  EXPECT_EQ(OutboundFailure::Tls, response.error().failure) << response.error().message;
}

TEST_F(HttpsTest, CaFileThatCannotBeUsedIsNamed) {
  serve(kPast, kFuture);
  const std::string broken = directory_.path("broken.pem");
  for (const char* content :
       {"", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    std::ofstream(broken, std::ios::trunc) << content;
    const auto response = get("localhost", broken);
    ASSERT_FALSE(response);
    EXPECT_EQ(OutboundFailure::Tls, response.error().failure);
    EXPECT_EQ("`localhost`: the CA file `" + broken + "` is not a PEM bundle of certificates",
              response.error().message);
  }
  const auto response = get("localhost", directory_.path("absent.pem"));
  ASSERT_FALSE(response);
  EXPECT_NE(std::string::npos, response.error().message.find("absent.pem"));
}

}  // namespace
}  // namespace gatehouse::net
