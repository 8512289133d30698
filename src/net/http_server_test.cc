#include "net/http_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <latch>
#include <thread>

#include "net/test_support.h"

namespace gatehouse::net {
namespace {

using namespace std::chrono_literals;
using test::RawClient;

// Answers with what it saw.
HttpResponse echo(const HttpRequest& request) {
  return {200,
          {{"Content-Type", "text/plain"}, {"X-Target", request.target}},
          request.method + " " + request.path + " [" + request.query + "] " + request.body};
}

std::unique_ptr<HttpServer> start(ServerOptions options, Router router) {
  auto server = HttpServer::start(std::move(options), std::move(router));
  EXPECT_TRUE(server) << (server ? "" : server.error().message);
  return server ? std::move(*server) : nullptr;
}

std::unique_ptr<HttpServer> start_echo(ServerOptions options = {}, Pool pool = Pool::Store) {
  return start(std::move(options), [pool](const HttpRequest&) { return Route{pool, echo}; });
}

TEST(HttpServer, AnswersOnEveryPool) {
  for (const Pool pool :
       {Pool::Inline, Pool::Store, Pool::IdentityProvider, Pool::PostureProvider}) {
    const auto server = start_echo({}, pool);
    auto client = RawClient::to_port(server->port());
    client.send("POST /a/b%20c?x=1&y=%2F HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    const auto response = client.receive();
    ASSERT_TRUE(response);
    EXPECT_EQ(200, response->status);
    EXPECT_EQ("POST /a/b%20c [x=1&y=%2F] hello", response->body);
    EXPECT_EQ("/a/b%20c?x=1&y=%2F", response->headers.at("x-target"));
    EXPECT_EQ("keep-alive", response->headers.at("connection"));
    EXPECT_FALSE(response->headers.contains("server"));
    EXPECT_EQ(0U, server->failed_handlers());
  }
}

TEST(HttpServer, HandlerSeesTheHeadersAndNoTrailers) {
  Headers seen;
  const auto server = start({}, [&](const HttpRequest& request) {
    seen = request.headers;
    return Route{Pool::Inline, echo};
  });
  auto client = RawClient::to_port(server->port());
  client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nX-Odd:  padded \r\ncookie: b=2\r\n"
      "Transfer-Encoding: chunked\r\nTrailer: Gatehouse-Client-Ip\r\n\r\n"
      "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nGatehouse-Client-Ip: 192.0.2.1\r\n\r\n");
  const auto response = client.receive();
  ASSERT_TRUE(response);
  EXPECT_EQ("POST / [] abcde", response->body);
  const Headers expected = {{"Host", "a"},
                            {"Cookie", "a=1"},
                            {"cookie", "b=2"},
                            {"X-Odd", "padded"},
                            {"Transfer-Encoding", "chunked"},
                            {"Trailer", "Gatehouse-Client-Ip"}};
  auto sorted = seen;
  auto wanted = expected;
  std::ranges::sort(sorted);
  std::ranges::sort(wanted);
  EXPECT_EQ(wanted, sorted);
  client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ("GET /next [] ", client.receive()->body) << "the body ended where it should";
}

TEST(HttpServer, HandlerSeesWhoIsConnected) {
  const auto say_peer = [](const HttpRequest& request) {
    return HttpResponse{200, {}, request.peer ? request.peer->to_string() : "none"};
  };
  const auto router = [&](const HttpRequest&) { return Route{Pool::Inline, say_peer}; };
  constexpr std::string_view kRequest =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n";
  const auto tcp = start({}, router);
  auto client = RawClient::to_port(tcp->port());
  for (int i = 0; i < 2; ++i) {
    client.send(kRequest);
    EXPECT_EQ("127.0.0.1", client.receive()->body);
  }
  const test::TemporaryDirectory directory;
  ServerOptions options;
  options.unix_path = directory.path("peer.sock");
  const auto local = start(options, router);
  auto neighbour = RawClient::to_path(options.unix_path);
  neighbour.send(kRequest);
  EXPECT_EQ("none", neighbour.receive()->body);
}

TEST(HttpServer, RefusesWhatParsersDisagreeAbout) {
  struct Case {
    const char* name;
    std::string text;
    int status;
  };
  const std::string get = "GET / HTTP/1.1\r\n";
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
  const Case cases[] = {
      {"no Host", get + "\r\n", 400},
      {"two Hosts", get + "Host: a\r\nHost: a\r\n\r\n", 400},
      {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"folded line", get + "Host: a\r\n b\r\n\r\n", 400},
      {"LF alone", "GET / HTTP/1.1\nHost: a\n\n", 400},
      {"white space before the colon", get + "Host : a\r\n\r\n", 400},
      {"field without a colon", get + "Host: a\r\nnonsense\r\n\r\n", 400},
      {"field without a name", get + "Host: a\r\n: x\r\n\r\n", 400},
      {"NUL in a value", get + "Host: a" + std::string(1, '\0') + "\r\n\r\n", 400},
      {"two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no version", "GET /\r\nHost: a\r\n\r\n", 400},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400},
      {"method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"absolute target", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"authority target", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"asterisk target", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"both lengths", post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"both lengths, other order",
       post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {"two equal lengths", post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
      {"list of lengths", post + "Content-Length: 1, 1\r\n\r\nx", 400},
      {"signed length", post + "Content-Length: +1\r\n\r\nx", 400},
      {"negative length", post + "Content-Length: -1\r\n\r\nx", 400},
      {"hexadecimal length", post + "Content-Length: 0x1\r\n\r\nx", 400},
      {"empty length", post + "Content-Length: \r\n\r\n", 400},
      {"length beyond 64 bits", post + "Content-Length: 18446744073709551617\r\n\r\nx", 400},
      {"coding twice",
       post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"other coding", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {"identity coding", post + "Transfer-Encoding: identity\r\n\r\n", 400},
      {"coding in HTTP/1.0",
       "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunk size that is not hexadecimal",
       post + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", 400},
      {"chunk without its line end", post + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400},
      {"unknown expectation", post + "Expect: magic\r\nContent-Length: 1\r\n\r\nx", 417},
      {"TLS", "\x16\x03\x01\x02\x00", 400},
  };
  const auto server = start_echo({}, Pool::Inline);
  for (const auto& c : cases) {
    auto client = RawClient::to_port(server->port());
    client.send(c.text);
    const auto response = client.receive();
    ASSERT_TRUE(response) << c.name;
    EXPECT_EQ(c.status, response->status) << c.name;
    EXPECT_EQ("close", response->headers.at("connection")) << c.name;
    EXPECT_TRUE(client.at_end()) << c.name;
  }
  EXPECT_EQ(0U, server->failed_handlers());
}

TEST(HttpServer, LimitsAreExact) {
  ServerOptions options;
  options.max_header_bytes = 128;
  options.max_body_bytes = 64;
  const auto server = start_echo(options, Pool::Inline);
  const auto ask = [&](const std::string& text) {
    auto client = RawClient::to_port(server->port());
    client.send(text);
    const auto response = client.receive();
    return response ? response->status : 0;
  };
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  const auto padded = [&](std::size_t bytes) {
    return head + "X: " + std::string(bytes - head.size() - 7, 'x') + "\r\n\r\n";
  };
  ASSERT_EQ(128U, padded(128).size());
  EXPECT_EQ(200, ask(padded(128)));
  EXPECT_EQ(431, ask(padded(129)));
  EXPECT_EQ(431, ask(head + "X: " + std::string(64 * 1024, 'x')));

  const auto with_length = [&](std::size_t bytes) {
    return head + "Content-Length: " + std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, 'x');
  };
  EXPECT_EQ(200, ask(with_length(64)));
  EXPECT_EQ(413, ask(with_length(65)));
  EXPECT_EQ(413, ask(head + "Content-Length: 9223372036854775807\r\n\r\n"));
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(200, ask(chunked + "40\r\n" + std::string(64, 'x') + "\r\n0\r\n\r\n"));
  EXPECT_EQ(413, ask(chunked + "20\r\n" + std::string(32, 'x') + "\r\n21\r\n"));
  EXPECT_EQ(413, ask(chunked + "0\r\nA: " + std::string(256 * 1024, 'x'))) << "endless trailer";
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  const auto server = start_echo();
  auto client = RawClient::to_port(server->port());
  std::string text;
  for (int i = 0; i < 50; ++i) {
    text += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy";
    text += "GET /g" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  client.send(text);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ("POST /" + std::to_string(i) + " [] xy", client.receive()->body);
    EXPECT_EQ("GET /g" + std::to_string(i) + " [] ", client.receive()->body);
  }
}

TEST(HttpServer, HeadIsAnsweredWithoutBody) {
  const auto server = start_echo();
  auto client = RawClient::to_port(server->port());
  client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto head = client.receive(true);
  EXPECT_EQ(200, head->status);
  EXPECT_EQ("11", head->headers.at("content-length"));
  EXPECT_EQ("GET /b [] ", client.receive()->body);
}

TEST(HttpServer, StatusesWithoutBody) {
  const auto server = start({}, [](const HttpRequest& request) {
    const int status = request.path == "/304" ? 304 : 204;
    return Route{Pool::Inline,
                 [status](const HttpRequest&) { return HttpResponse{status, {}, "ignored"}; }};
  });
  auto client = RawClient::to_port(server->port());
  for (const int status : {204, 304}) {
    client.send("GET /" + std::to_string(status) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto response = client.receive();
    ASSERT_TRUE(response);
    EXPECT_EQ(status, response->status);
    EXPECT_FALSE(response->headers.contains("content-length"));
  }
}

TEST(HttpServer, ConnectionsEndWhenAskedTo) {
  struct Case {
    const char* text;
    bool kept;
  };
  const Case cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
  };
  const auto server = start_echo();
  for (const auto& c : cases) {
    auto client = RawClient::to_port(server->port());
    client.send(c.text);
    const auto response = client.receive();
    ASSERT_TRUE(response) << c.text;
    EXPECT_EQ(c.kept ? "keep-alive" : "close", response->headers.at("connection")) << c.text;
    if (!c.kept) {
      EXPECT_TRUE(client.at_end()) << c.text;
    }
  }
}

TEST(HttpServer, SendsContinueWhenTheClientWaits) {
  const auto server = start_echo();
  auto client = RawClient::to_port(server->port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(100, client.receive()->status);
  client.send("ab");
  EXPECT_EQ("POST / [] ab", client.receive()->body);
}

TEST(HttpServer, SlowClientsDoNotBlockOthers) {
  const auto server = start_echo();
  auto slow_head = RawClient::to_port(server->port());
  slow_head.send("GET /slow HTTP/1.1\r\nHo");
  auto slow_body = RawClient::to_port(server->port());
  slow_body.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
  auto other = RawClient::to_port(server->port());
  other.send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ("GET /other [] ", other.receive()->body);
  slow_head.send("st: a\r\n\r\n");
  slow_body.send("cd");
  EXPECT_EQ("GET /slow [] ", slow_head.receive()->body);
  EXPECT_EQ("POST /slow [] abcd", slow_body.receive()->body);
}

TEST(HttpServer, DeadlinesEndSlowClients) {
  ServerOptions options;
  options.header_deadline = 250ms;
  options.body_deadline = 250ms;
  options.idle_deadline = 250ms;
  const auto server = start_echo(options);
  {
    auto client = RawClient::to_port(server->port());
    EXPECT_TRUE(client.at_end()) << "nothing was sent";
  }
  {
    auto client = RawClient::to_port(server->port());
    client.send("GET / HTTP/1.1\r\nHo");
    EXPECT_EQ(408, client.receive()->status) << "half a head";
    EXPECT_TRUE(client.at_end());
  }
  {
    auto client = RawClient::to_port(server->port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    EXPECT_EQ(408, client.receive()->status) << "half a body";
    EXPECT_TRUE(client.at_end());
  }
  {
    auto client = RawClient::to_port(server->port());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(200, client.receive()->status);
    EXPECT_TRUE(client.at_end()) << "idle";
  }
}

TEST(HttpServer, ExceptionsAreAnsweredWith500AndCounted) {
  const auto server = start({}, [](const HttpRequest& request) -> Route {
    if (request.path == "/router") throw std::runtime_error("secret");
    if (request.path == "/none") return {Pool::Store, nullptr};
    if (request.path == "/header")
      return {Pool::Store,
              [](const HttpRequest&) { return HttpResponse{200, {{"A", "b\r\nC: d"}}, ""}; }};
    if (request.path == "/status")
      return {Pool::Store, [](const HttpRequest&) { return HttpResponse{99, {}, ""}; }};
    return {request.path == "/inline" ? Pool::Inline : Pool::Store,
            [](const HttpRequest&) -> HttpResponse { throw 1; }};
  });
  auto client = RawClient::to_port(server->port());
  std::uint64_t expected = 0;
  for (const char* path : {"/router", "/none", "/header", "/status", "/inline", "/store"}) {
    client.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto response = client.receive();
    ASSERT_TRUE(response) << path;
    EXPECT_EQ(500, response->status) << path;
    EXPECT_EQ("Internal Server Error\n", response->body) << path;
    EXPECT_EQ(++expected, server->failed_handlers()) << path;
  }
}

TEST(HttpServer, FullPoolAnswers503AndOthersGoOn) {
  std::latch entered(1);
  std::latch release(1);
  std::atomic<int> routed{0};
  ServerOptions options;
  options.store_threads = 1;
  options.max_queued = 1;
  const auto server = start(options, [&](const HttpRequest& request) {
    ++routed;
    if (request.path == "/inline") return Route{Pool::Inline, echo};
    if (request.path == "/posture") return Route{Pool::PostureProvider, echo};
    return Route{Pool::Store, [&](const HttpRequest& handled) {
                   if (handled.path == "/first") entered.count_down();
                   release.wait();
                   return echo(handled);
                 }};
  });
  const auto ask = [](RawClient& client, const std::string& path) {
    client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
  };
  auto first = RawClient::to_port(server->port());
  ask(first, "/first");
  entered.wait();
  auto second = RawClient::to_port(server->port());
  ask(second, "/second");
  while (routed < 2) std::this_thread::yield();  // the network thread queues it before the next
  auto third = RawClient::to_port(server->port());
  ask(third, "/third");
  const auto refused = third.receive();
  EXPECT_EQ(503, refused->status);
  EXPECT_EQ("1", refused->headers.at("retry-after"));
  EXPECT_EQ("keep-alive", refused->headers.at("connection"));
  ask(third, "/inline");
  EXPECT_EQ(200, third.receive()->status);
  ask(third, "/posture");
  EXPECT_EQ(200, third.receive()->status) << "another pool";
  release.count_down();
  EXPECT_EQ(200, first.receive()->status);
  EXPECT_EQ(200, second.receive()->status);
  ask(third, "/third");
  EXPECT_EQ(200, third.receive()->status) << "room again";
}

TEST(HttpServer, ConnectionsBeyondTheLimitAreClosed) {
  ServerOptions options;
  options.max_connections = 1;
  const auto server = start_echo(options);
  std::optional<RawClient> first(RawClient::to_port(server->port()));
  first->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(200, first->receive()->status);
  {
    auto second = RawClient::to_port(server->port());
    EXPECT_TRUE(second.at_end());
  }
  first.reset();
  // The server learns of the end of the first in its own time.
  for (bool served = false; !served;) {
    auto third = RawClient::to_port(server->port());
    third.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto response = third.receive();
    served = response.has_value();
  }
}

TEST(HttpServer, StopLetsRunningHandlersAnswer) {
  std::latch entered(1);
  std::latch release(1);
  const auto server = start({}, [&](const HttpRequest& request) {
    if (request.path == "/idle") return Route{Pool::Inline, echo};
    return Route{Pool::Store, [&](const HttpRequest& handled) {
                   entered.count_down();
                   release.wait();
                   return echo(handled);
                 }};
  });
  auto idle = RawClient::to_port(server->port());
  idle.send("GET /idle HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(200, idle.receive()->status);
  auto busy = RawClient::to_port(server->port());
  busy.send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
  entered.wait();
  std::thread stopper([&] { server->stop(20s); });
  EXPECT_TRUE(idle.at_end()) << "idle connections end at once";
  release.count_down();
  EXPECT_EQ("GET /busy [] ", busy.receive()->body);
  EXPECT_TRUE(busy.at_end());
  stopper.join();
  server->stop(0ms);  // once more does nothing
}

TEST(HttpServer, StopDoesNotWaitLongerThanTheGrace) {
  std::latch entered(1);
  std::latch release(1);
  auto server = start({}, [&](const HttpRequest&) {
    return Route{Pool::Store, [&](const HttpRequest& handled) {
                   entered.count_down();
                   release.wait();
                   return echo(handled);
                 }};
  });
  auto busy = RawClient::to_port(server->port());
  busy.send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
  entered.wait();
  std::thread stopper([&] { server.reset(); });  // no grace: the answer is not waited for
  release.count_down();
  stopper.join();
  if (const auto response = busy.receive()) {
    EXPECT_EQ(200, response->status) << "or the handler was faster";
  }
}

TEST(HttpServer, PortInUseIsNamed) {
  const auto server = start_echo();
  ServerOptions options;
  options.port = server->port();
  const auto second = HttpServer::start(options, [](const HttpRequest&) { return Route{}; });
  ASSERT_FALSE(second);
  EXPECT_EQ(
      "cannot listen on `127.0.0.1:" + std::to_string(server->port()) + "`: Address already in use",
      second.error().message);
}

TEST(HttpServer, AddressThatIsNoneIsNamed) {
  ServerOptions options;
  options.address = "localhost";
  const auto server = HttpServer::start(options, [](const HttpRequest&) { return Route{}; });
  ASSERT_FALSE(server);
  EXPECT_EQ("cannot listen on `localhost:0`: not an IP address", server.error().message);
}

TEST(HttpServer, ListensOnIpv6) {
  ServerOptions options;
  options.address = "::1";
  const auto server = HttpServer::start(options, [](const HttpRequest&) { return Route{}; });
  if (!server) GTEST_SKIP() << server.error().message;
  EXPECT_NE(0, (*server)->port());
}

class UnixSocket : public ::testing::Test {
 protected:
  [[nodiscard]] ServerOptions options() const {
    ServerOptions result;
    result.unix_path = path_;
    return result;
  }
  [[nodiscard]] std::string error_of(const ServerOptions& given) const {
    const auto server = HttpServer::start(given, [](const HttpRequest&) { return Route{}; });
    return server ? "" : server.error().message;
  }
  test::TemporaryDirectory directory_;
  const std::string path_ = directory_.path("access.sock");
};

TEST_F(UnixSocket, ServesWithModeAndGroupAndRemovesItsFile) {
  auto given = options();
  given.unix_mode = 0660;
  if (::geteuid() == 0) given.unix_group = "daemon";
  auto server = start_echo(given);
  struct stat status{};
  ASSERT_EQ(0, ::stat(path_.c_str(), &status));
  EXPECT_EQ(0660U, status.st_mode & 0777U);
  if (::geteuid() == 0) {
    EXPECT_EQ(1U, status.st_gid) << "daemon";
  }
  auto client = RawClient::to_path(path_);
  client.send("GET /u HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ("GET /u [] ", client.receive()->body);
  EXPECT_EQ(0, server->port());
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixSocket, StaleFileIsReplaced) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(0, ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address));
  ::close(descriptor);
  ASSERT_TRUE(std::filesystem::exists(path_));
  const auto server = start_echo(options());
  ASSERT_TRUE(server);
  auto client = RawClient::to_path(path_);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(200, client.receive()->status);
}

TEST_F(UnixSocket, SocketInUseIsLeftAlone) {
  const auto server = start_echo(options());
  EXPECT_EQ("cannot listen on `" + path_ + "`: another process answers there", error_of(options()));
  auto client = RawClient::to_path(path_);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(200, client.receive()->status);
}

TEST_F(UnixSocket, OtherFilesAreLeftAlone) {
  std::ofstream(path_) << "mine";
  EXPECT_EQ("cannot listen on `" + path_ + "`: a file that is not a socket is there",
            error_of(options()));
  EXPECT_EQ(4U, std::filesystem::file_size(path_));
}

// On a unix socket, whose buffers do not grow until they hold the whole answer.
TEST_F(UnixSocket, ClientsThatDoNotReadAreDropped) {
  auto given = options();
  given.body_deadline = 50ms;
  const auto server = start(given, [](const HttpRequest&) {
    return Route{Pool::Inline, [](const HttpRequest&) {
                   return HttpResponse{200, {}, std::string(4U << 20U, 'x')};
                 }};
  });
  auto client = RawClient::to_path(path_);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.wait_for_hang_up());
  EXPECT_FALSE(client.receive()) << "cut short";
}

TEST_F(UnixSocket, ProblemsAreNamed) {
  auto given = options();
  given.unix_path = directory_.path("absent/access.sock");
  EXPECT_EQ("cannot listen on `" + given.unix_path + "`: No such file or directory",
            error_of(given));
  given.unix_path = directory_.path(std::string(200, 'x'));
  EXPECT_EQ("cannot listen on `" + given.unix_path + "`: a socket path has at most 107 bytes",
            error_of(given));
  given = options();
  given.unix_group = "no-such-group";
  EXPECT_EQ("cannot listen on `" + path_ + "`: there is no group `no-such-group`", error_of(given));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace gatehouse::net
