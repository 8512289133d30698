// The application behind the proxies, as cheap as one can be, so that it is not what is measured:
//   bench_origin PORT BODY_BYTES    answers every request with 200 and a fixed body, and `/decide`
//   with 204.
// It only looks for the blank line that ends a request without a body, and keeps every connection.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::string_view kDecision = "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n";

int listen_on(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 512) != 0) {
    std::perror("bench_origin");
    std::exit(1);
  }
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: bench_origin PORT BODY_BYTES\n", stderr), 2;
  const std::string body(static_cast<std::size_t>(std::atoi(argv[2])), 'x');
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\nConnection: keep-alive\r\n\r\n" +
                             body;
  const int listener = listen_on(static_cast<std::uint16_t>(std::atoi(argv[1])));
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event interest{EPOLLIN, {.fd = listener}};
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &interest);
  std::unordered_map<int, std::string> waiting;  // of connections whose request is not complete
  std::array<epoll_event, 256> events{};
  std::array<char, 64 * 1024> buffer{};
  for (;;) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted < 0) continue;
        const int one = 1;
        ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_event added{EPOLLIN, {.fd = accepted}};
        ::epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &added);
        continue;
      }
      const ssize_t size = ::read(fd, buffer.data(), buffer.size());
      if (size <= 0) {
        waiting.erase(fd);
        ::close(fd);
        continue;
      }
      std::string_view text(buffer.data(), static_cast<std::size_t>(size));
      const auto begun = waiting.find(fd);
      if (begun == waiting.end() && text.ends_with(kEnd)) {
        const std::string_view out = text.starts_with("GET /decide") ? kDecision : answer;
        if (::write(fd, out.data(), out.size()) < 0) std::perror("bench_origin");
        continue;
      }
      std::string& whole = waiting[fd];
      whole.append(text);
      if (!std::string_view(whole).ends_with(kEnd)) continue;
      const std::string_view out = whole.starts_with("GET /decide") ? kDecision : answer;
      if (::write(fd, out.data(), out.size()) < 0) std::perror("bench_origin");
      waiting.erase(fd);
    }
  }
}
