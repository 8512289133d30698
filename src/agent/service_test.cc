// The agent over real loopback sockets: the rows of the shared attack table that need a server.
#include "agent/service.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

namespace gatehouse::agent {
namespace {

constexpr int kPatienceMs = 20'000;

class Connection {
 public:
  explicit Connection(std::uint16_t port, const char* address = "127.0.0.1") {
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(port);
    inet_pton(AF_INET, address, &target.sin_addr);
    open(AF_INET, reinterpret_cast<const sockaddr*>(&target), sizeof target);
  }
  explicit Connection(std::uint16_t port, const in6_addr& address) {
    sockaddr_in6 target{};
    target.sin6_family = AF_INET6;
    target.sin6_port = htons(port);
    target.sin6_addr = address;
    open(AF_INET6, reinterpret_cast<const sockaddr*>(&target), sizeof target);
  }
  Connection(Connection&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  Connection(const Connection&) = delete;
  ~Connection() {
    if (socket_ >= 0) close(socket_);
  }

  bool is_open() const { return socket_ >= 0; }
  void send_text(std::string_view text) const {
    EXPECT_EQ(send(socket_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // What arrives until `count` heads have come and the peer is silent at a message's end, or
  // closes.
  std::string receive(std::size_t count) const {
    std::string text;
    char buffer[4096];
    pollfd ready{socket_, POLLIN, 0};
    while (!is_complete(text, count) && poll(&ready, 1, kPatienceMs) == 1) {
      const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }
  bool is_closed_by_peer(int patience_ms) const {
    pollfd ready{socket_, POLLIN, 0};
    char byte = 0;
    return poll(&ready, 1, patience_ms) == 1 && recv(socket_, &byte, 1, 0) <= 0;
  }

 private:
  void open(int family, const sockaddr* target, socklen_t size) {
    socket_ = socket(family, SOCK_STREAM, 0);
    if (socket_ >= 0 && connect(socket_, target, size) != 0) {
      close(socket_);
      socket_ = -1;
    }
  }

  static bool is_complete(std::string_view text, std::size_t count) {
    while (count-- > 0) {
      const std::size_t end = text.find("\r\n\r\n");
      if (end == std::string_view::npos) return false;
      const std::string_view head = text.substr(0, end);
      constexpr std::string_view kLength = "Content-Length: ";
      const std::size_t length = head.find(kLength);
      const std::size_t body =
          length == std::string_view::npos
              ? 0
              : std::stoul(std::string(head.substr(length + kLength.size(), 8)));
      if (text.size() < end + 4 + body) return false;
      text.remove_prefix(end + 4 + body);
    }
    return true;
  }

  int socket_ = -1;
};

std::string request(std::uint16_t port, std::string_view origin = "https://team.example",
                    std::string_view host = "127.0.0.1") {
  constexpr std::string_view kBody = R"({"nonce":"0123456789abcdef"})";
  return "POST /lpx/v1/attest HTTP/1.1\r\nHost: " + std::string(host) + ":" + std::to_string(port) +
         "\r\nOrigin: " + std::string(origin) +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(kBody.size()) +
         "\r\n\r\n" + std::string(kBody);
}

int status_of(std::string_view text) {
  return text.size() < 12 ? 0 : std::stoi(std::string(text.substr(9, 3)));
}

class ServiceTest : public testing::Test {
 protected:
  std::unique_ptr<Service> start(ServiceOptions options = {.port = 0}) {
    auto service = Service::start(options, attester_, system_now);
    EXPECT_TRUE(service) << (service ? "" : service.error().message);
    return service ? std::move(*service) : nullptr;
  }

  Attester attester_{AttesterParts{jose::PrivateKey::generate_p256(),
                                   [] {
                                     AgentState state;
                                     state.device_id = "d";
                                     state.allowed_origins = {"https://team.example"};
                                     state.requests_per_second = 10'000;
                                     return std::expected<AgentState, AgentError>(state);
                                   },
                                   [] { return json::object{}; }, [] { return std::string("id"); },
                                   [](const AgentError&) {}}};
};

TEST_F(ServiceTest, AnswersOverLoopback) {
  const auto service = start();
  const Connection connection(service->port());
  connection.send_text(request(service->port()));
  const std::string answer = connection.receive(1);
  EXPECT_EQ(status_of(answer), 200) << answer;
  EXPECT_NE(answer.find("application/jwt"), std::string::npos);
  EXPECT_NE(answer.find("Access-Control-Allow-Origin: https://team.example\r\n"),
            std::string::npos);
}

TEST_F(ServiceTest, PreflightHasNoBody) {
  const auto service = start();
  const Connection connection(service->port());
  connection.send_text(
      "OPTIONS /lpx/v1/attest HTTP/1.1\r\nHost: localhost:" + std::to_string(service->port()) +
      "\r\nOrigin: https://team.example\r\n"
      "Access-Control-Request-Method: POST\r\n\r\n" +
      request(service->port()));
  const std::string answers = connection.receive(2);
  EXPECT_EQ(status_of(answers), 204) << answers;
  EXPECT_EQ(status_of(answers.substr(std::min(answers.size(), answers.find("\r\n\r\n") + 4))), 200)
      << answers;
}

TEST_F(ServiceTest, Pipelining) {
  const auto service = start();
  const Connection connection(service->port());
  connection.send_text(request(service->port(), "https://evil.example") + request(service->port()));
  const std::string answers = connection.receive(2);
  EXPECT_EQ(status_of(answers), 403) << answers;
  const std::size_t second = answers.find("HTTP/1.1", 8);
  ASSERT_NE(second, std::string::npos) << answers;
  EXPECT_EQ(status_of(answers.substr(second)), 200) << answers;
}

TEST_F(ServiceTest, HostEmptyAndRebinding) {
  const auto service = start();
  const Connection without(service->port());
  without.send_text("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(status_of(without.receive(1)), 400);
  const Connection rebinding(service->port());
  rebinding.send_text(request(service->port(), "https://team.example", "evil.example"));
  EXPECT_EQ(status_of(rebinding.receive(1)), 421);
}

TEST_F(ServiceTest, SlowClientHoldsNobodyUp) {
  const auto service = start({.port = 0, .deadline = std::chrono::milliseconds{300}});
  std::vector<Connection> slow;
  for (int i = 0; i < 8; ++i) {
    slow.emplace_back(service->port());
    slow.back().send_text("POST /lpx/v1/attest HTTP/1.1\r\nHost: 127");
  }
  const Connection connection(service->port());
  connection.send_text(request(service->port()));
  EXPECT_EQ(status_of(connection.receive(1)), 200);
  for (const Connection& one : slow) {
    const std::string answer = one.receive(1);  // nothing, or a refusal
    EXPECT_NE(status_of(answer), 200);
    EXPECT_TRUE(one.is_closed_by_peer(kPatienceMs));
  }
}

TEST_F(ServiceTest, ManyConnectionsAreBounded) {
  constexpr std::size_t kBound = 16;
  const auto service = start({.port = 0, .max_connections = kBound});
  {
    std::vector<Connection> idle;
    for (std::size_t i = 0; i < 1'000 && (idle.empty() || idle.back().is_open()); ++i) {
      idle.emplace_back(service->port());
    }
    ASSERT_EQ(idle.size(), 1'000u);
    // Those beyond the bound are closed at once; the bounded rest stays until its deadline.
    std::size_t closed = 0;
    for (std::size_t i = kBound; i < idle.size(); ++i)
      closed += idle[i].is_closed_by_peer(kPatienceMs);
    EXPECT_EQ(closed, idle.size() - kBound);
  }
  // When they have gone, the next is served; the server notices their end in its own time.
  std::string answer;
  for (int attempt = 0; attempt < 1'000 && status_of(answer) != 200; ++attempt) {
    const Connection connection(service->port());
    if (!connection.is_open() || connection.is_closed_by_peer(1)) continue;
    connection.send_text(request(service->port()));
    answer = connection.receive(1);
  }
  EXPECT_EQ(status_of(answer), 200);
}

TEST_F(ServiceTest, OversizedBodyAndHead) {
  const auto service = start();
  const Connection body(service->port());
  body.send_text(
      "POST /lpx/v1/attest HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(service->port()) +
      "\r\nOrigin: https://team.example\r\nContent-Type: application/json\r\n"
      "Content-Length: 10000000\r\n\r\n{");
  EXPECT_EQ(status_of(body.receive(1)), 413);
  const Connection head(service->port());
  head.send_text("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x'));
  EXPECT_NE(status_of(head.receive(1)), 200);
}

TEST_F(ServiceTest, Ipv6LoopbackWhereThereIsOne) {
  const auto service = start();
  if (!service->has_ipv6()) GTEST_SKIP() << "no IPv6 on this machine";
  const Connection connection(service->port(), in6addr_loopback);
  ASSERT_TRUE(connection.is_open());
  connection.send_text(request(service->port(), "https://team.example", "[::1]"));
  EXPECT_EQ(status_of(connection.receive(1)), 200);
}

TEST_F(ServiceTest, NothingListensOnOtherAddresses) {
  const auto service = start();
  EXPECT_FALSE(Connection(service->port(), "127.0.0.2").is_open());
  ifaddrs* addresses = nullptr;
  ASSERT_EQ(getifaddrs(&addresses), 0);
  for (const ifaddrs* one = addresses; one; one = one->ifa_next) {
    if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET) continue;
    char text[INET_ADDRSTRLEN] = {};
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr, text,
              sizeof text);
    if (std::string_view(text) == "127.0.0.1") continue;
    EXPECT_FALSE(Connection(service->port(), text).is_open()) << text;
  }
  freeifaddrs(addresses);
}

TEST_F(ServiceTest, PortInUseIsAClearError) {
  const auto service = start();
  const auto second = Service::start({.port = service->port()}, attester_, system_now);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(service->port())),
            std::string::npos)
      << second.error().message;
}

}  // namespace
}  // namespace gatehouse::agent
