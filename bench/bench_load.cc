// A load generator and the application behind the proxy in one thread, which never sleeps: so what
// is measured on the other core is the proxy alone, not the waking of its neighbours.
//   bench_load PORT HOST CONNECTIONS SECONDS APPLICATION_PORT [WORD...] < TOKENS
// prints {"requests":..,"seconds":..,"p50_us":..,"p99_us":..}. The connections are browsers: each
// keeps one connection and sends its own token, one request after the other. The application
// answers every request with 200 and 512 bytes, and `/decide` with 204. Any answer but 200, and any
// connection that ends, is an error: exit 1. Words:
//   tls         over TLS
//   anonymous   without a token; every answer must be 401
//   distinct=N  N requests, each with a token that nobody has sent before: of seven one is the next
//               line of TOKENS, the others have a signature that is wrong; 200 and 401 are right
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Browser {
  int fd = -1;
  SSL* tls = nullptr;  // lives as long as the program
  std::string request;
  Clock::time_point sent;
  std::size_t expected = 0;  // bytes of the answer that is coming; 0: its head has not been read
  std::size_t received = 0;
};

[[noreturn]] void fail(const char* what, std::string_view detail = {}) {
  std::fprintf(stderr, "bench_load: %s %.*s\n", what, static_cast<int>(detail.size()),
               detail.data());
  std::exit(1);
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    fail("cannot connect");
  return fd;
}

void send(Browser& browser) {
  browser.sent = Clock::now();
  browser.expected = 0;
  browser.received = 0;
  const auto size = static_cast<int>(browser.request.size());
  const auto sent =
      browser.tls != nullptr
          ? SSL_write(browser.tls, browser.request.data(), size)
          : static_cast<int>(::write(browser.fd, browser.request.data(), browser.request.size()));
  if (sent != size) fail("cannot send");
}

// What has come; 0: only something of TLS itself. An answer is one record here, so that a readable
// connection does not block.
std::size_t receive(Browser& browser, std::array<char, 16 * 1024>& buffer) {
  const auto room = static_cast<int>(buffer.size());
  const auto size = browser.tls != nullptr
                        ? SSL_read(browser.tls, buffer.data(), room)
                        : static_cast<int>(::read(browser.fd, buffer.data(), buffer.size()));
  if (size > 0) return static_cast<std::size_t>(size);
  if (browser.tls == nullptr || SSL_get_error(browser.tls, size) != SSL_ERROR_WANT_READ) {
    fail("a connection ended");
  }
  return 0;
}

// The certificate is not looked at: it is the cost that is measured.
SSL* shake_hands(SSL_CTX* context, int fd, const char* host) {
  SSL* tls = SSL_new(context);
  SSL_set_fd(tls, fd);
  SSL_set_tlsext_host_name(tls, host);
  if (SSL_connect(tls) != 1) fail("no TLS handshake");
  return tls;
}

// The application: it only looks for the blank line that ends a request without a body.
class Application {
 public:
  Application(int poll, std::uint16_t port) : poll_(poll) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int one = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 512) != 0) {
      fail("cannot listen for the proxy");
    }
    watch(listener_);
  }

  // `fd` is the listener or a connection of the proxy's.
  void serve(int fd, std::array<char, 16 * 1024>& buffer) {
    if (fd == listener_) {
      const int accepted = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (accepted < 0) return;
      const int one = 1;
      ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      watch(accepted);
      return;
    }
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size <= 0) {
      waiting_.erase(fd);
      ::close(fd);
      return;
    }
    std::string_view text(buffer.data(), static_cast<std::size_t>(size));
    const auto begun = waiting_.find(fd);
    if (begun != waiting_.end()) {
      begun->second.append(text);
      text = begun->second;
    }
    if (!text.ends_with("\r\n\r\n")) {
      if (begun == waiting_.end()) waiting_[fd] = text;
      return;
    }
    const std::string_view out = text.starts_with("GET /decide") ? kDecision : answer_;
    if (::write(fd, out.data(), out.size()) < 0) fail("cannot answer the proxy");
    waiting_.erase(fd);
  }

 private:
  static constexpr std::string_view kDecision =
      "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n";

  void watch(int fd) const {
    epoll_event interest{EPOLLIN, {.u64 = static_cast<std::uint64_t>(fd)}};
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &interest);
  }

  int poll_;
  int listener_;
  std::string answer_ =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 512\r\nConnection: "
      "keep-alive\r\n\r\n" +
      std::string(512, 'x');
  std::unordered_map<int, std::string> waiting_;  // connections whose request is not complete
};

// Events of browsers carry their index above this; those of the application its descriptor.
constexpr std::uint64_t kBrowsers = std::uint64_t{1} << 32;

struct Mode {
  bool encrypted = false;
  bool anonymous = false;
  std::uint64_t distinct = 0;
};

// The length of the whole answer, from its head.
std::size_t length_of(std::string_view head, const Mode& mode) {
  const bool allowed = head.starts_with("HTTP/1.1 200");
  const bool refused = head.starts_with("HTTP/1.1 401");
  if (mode.distinct > 0 ? !allowed && !refused : mode.anonymous ? !refused : !allowed)
    fail("not the answer that was expected:", head.substr(0, 80));
  const std::size_t end = head.find("\r\n\r\n");
  std::size_t field = head.find("\r\nContent-Length: ");
  if (field > end) field = head.find("\r\ncontent-length: ");  // HAProxy
  if (end == std::string_view::npos || field > end) fail("an answer without a length");
  return end + 4 + static_cast<std::size_t>(std::atoll(head.data() + field + 18));
}

std::string request_of(std::string_view host, std::string_view token) {
  std::string request =
      "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\nAccept: */*\r\nUser-Agent: bench\r\n";
  if (!token.empty()) request.append("Cookie: CF_Authorization=").append(token).append("\r\n");
  return request + "\r\n";
}

// A token that has not been sent before.
class DistinctTokens {
 public:
  explicit DistinctTokens(const std::vector<std::string>& good) : good_(good) {}
  std::string next() {
    constexpr std::uint64_t kOneInSeven = 7;
    const std::uint64_t number = made_++;
    if (number % kOneInSeven == 0) return good_[number / kOneInSeven % good_.size()];
    std::string token = good_.front();
    constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
    std::uint64_t rest = number;
    for (std::size_t i = token.size() - 40; i < token.size() - 20; ++i) {
      token[i] = kDigits[rest % kDigits.size()];
      rest /= kDigits.size();
    }
    return token;
  }
  [[nodiscard]] std::uint64_t made() const { return made_; }

 private:
  const std::vector<std::string>& good_;
  std::uint64_t made_ = 0;
};

std::optional<Mode> mode_of(int argc, char** argv) {
  Mode mode;
  for (int i = 6; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "tls") {
      mode.encrypted = true;
    } else if (word == "anonymous") {
      mode.anonymous = true;
    } else if (word.starts_with("distinct=")) {
      mode.distinct = std::strtoull(argv[i] + 9, nullptr, 10);
    } else {
      return std::nullopt;
    }
  }
  return argc < 6 ? std::nullopt : std::optional(mode);
}

}  // namespace

int main(int argc, char** argv) {
  const auto mode = mode_of(argc, argv);
  if (!mode) {
    std::fputs(
        "usage: bench_load PORT HOST CONNECTIONS SECONDS APPLICATION_PORT [WORD...] < TOKENS\n",
        stderr);
    return 2;
  }
  std::vector<std::string> tokens;
  for (std::string line; std::getline(std::cin, line);) tokens.push_back(line);
  if (tokens.empty() && !mode->anonymous) fail("no tokens");
  DistinctTokens distinct(tokens);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_clear_mode(context,
                     SSL_MODE_AUTO_RETRY);  // tickets come by themselves: do not wait behind them
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  Application application(poll, static_cast<std::uint16_t>(std::atoi(argv[5])));
  std::vector<Browser> browsers(static_cast<std::size_t>(std::atoi(argv[3])));
  for (std::size_t i = 0; i < browsers.size(); ++i) {
    browsers[i].fd = connect_to(static_cast<std::uint16_t>(std::atoi(argv[1])));
    if (mode->encrypted) browsers[i].tls = shake_hands(context, browsers[i].fd, argv[2]);
    browsers[i].request =
        request_of(argv[2], mode->anonymous ? std::string_view{} : tokens[i % tokens.size()]);
    epoll_event interest{EPOLLIN, {.u64 = kBrowsers + i}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, browsers[i].fd, &interest);
  }
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::milliseconds(
                               static_cast<std::int64_t>(std::strtod(argv[4], nullptr) * 1000));
  const auto send_next = [&](Browser& browser) {
    if (mode->distinct > 0) browser.request = request_of(argv[2], distinct.next());
    send(browser);
  };
  for (auto& browser : browsers) send_next(browser);
  std::vector<std::uint32_t> latencies;  // microseconds
  latencies.reserve(1'000'000);
  std::array<epoll_event, 256> events{};
  std::array<char, 16 * 1024> buffer{};
  std::uint64_t done = 0;
  auto now = begin;
  while (mode->distinct > 0 ? done < mode->distinct : now < end) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t whose = events[static_cast<std::size_t>(i)].data.u64;
      if (whose < kBrowsers) {
        application.serve(static_cast<int>(whose), buffer);
        continue;
      }
      Browser& browser = browsers[whose - kBrowsers];
      const std::size_t size = receive(browser, buffer);
      if (size == 0) continue;
      if (browser.expected == 0) {
        browser.expected = length_of({buffer.data(), size}, *mode);
      }
      browser.received += size;
      if (browser.received < browser.expected) continue;
      now = Clock::now();
      latencies.push_back(static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(now - browser.sent).count()));
      ++done;
      send_next(browser);
    }
    now = Clock::now();
  }
  const double seconds = std::chrono::duration<double>(now - begin).count();
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double share) {
    return latencies[std::min(
        latencies.size() - 1,
        static_cast<std::size_t>(share * static_cast<double>(latencies.size())))];
  };
  std::printf("{\"requests\":%llu,\"seconds\":%.4f,\"p50_us\":%u,\"p99_us\":%u}\n",
              static_cast<unsigned long long>(done), seconds, at(0.50), at(0.99));
  return 0;
}
