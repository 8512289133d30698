#include "net/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "base/try.h"
#include "platform/descriptor.h"

namespace gatehouse::net {
namespace {

std::unexpected<ServerError> refuse(std::string_view where, std::string_view cause) {
  return std::unexpected(ServerError{fmt::format("cannot listen on `{}`: {}", where, cause)});
}

std::unexpected<ServerError> refuse_errno(std::string_view where, int error) {
  return refuse(where, std::generic_category().message(error));
}

// Room for the waiting; the kernel cuts it to net.core.somaxconn.
constexpr int kBacklog = 4096;

std::expected<void, ServerError> remove_stale_socket(const std::string& path,
                                                     const sockaddr_un& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return refuse_errno(path, errno);
  }
  if (!S_ISSOCK(status.st_mode)) return refuse(path, "a file that is not a socket is there");
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return refuse_errno(path, errno);
  const int answer =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (answer == 0 || errno == EAGAIN) return refuse(path, "another process answers there");
  if (errno != ECONNREFUSED) return refuse_errno(path, errno);
  if (::unlink(path.c_str()) != 0) return refuse_errno(path, errno);
  return {};
}

std::expected<gid_t, ServerError> group_id(const std::string& path, const std::string& name) {
  group entry{};
  group* found = nullptr;
  std::vector<char> room(64 * 1024);
  const int error = ::getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
  if (error != 0) return refuse_errno(path, error);
  if (found == nullptr) return refuse(path, fmt::format("there is no group `{}`", name));
  return found->gr_gid;
}

std::expected<Listener, ServerError> listen_unix(const ServerOptions& options) {
  const std::string& path = options.unix_path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return refuse(path,
                  fmt::format("a socket path has at most {} bytes", sizeof address.sun_path - 1));
  std::memcpy(address.sun_path, path.data(), path.size());
  GATEHOUSE_TRY_VOID(remove_stale_socket(path, address));

  gid_t owner_group = static_cast<gid_t>(-1);
  if (!options.unix_group.empty()) owner_group = GATEHOUSE_TRY(group_id(path, options.unix_group));

  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return refuse_errno(path, errno);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return refuse_errno(path, errno);
  // Nobody can connect before listen(), so the permissions are never wider than asked for.
  if ((owner_group != static_cast<gid_t>(-1) &&
       ::chown(path.c_str(), static_cast<uid_t>(-1), owner_group) != 0) ||
      ::chmod(path.c_str(), static_cast<mode_t>(options.unix_mode)) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    const int error = errno;
    ::unlink(path.c_str());
    return refuse_errno(path, error);
  }
  return Listener{socket.release(), AF_UNIX, 0};
}

std::expected<Listener, ServerError> listen_tcp(const ServerOptions& options) {
  sockaddr_storage storage{};
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  socklen_t length = 0;
  std::string where = fmt::format("{}:{}", options.address, options.port);
  if (::inet_pton(AF_INET, options.address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(options.port);
    length = sizeof *v4;
  } else if (::inet_pton(AF_INET6, options.address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(options.port);
    length = sizeof *v6;
    where = fmt::format("[{}]:{}", options.address, options.port);
  } else {
    return refuse(where, "not an IP address");
  }
  const int family = storage.ss_family;

  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return refuse_errno(where, errno);
  const int on = 1;
  // Accepted sockets inherit TCP_NODELAY; an answer is one write.
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
      (family == AF_INET6 &&
       ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
      ::bind(socket.get(), address, length) != 0 || ::listen(socket.get(), kBacklog) != 0 ||
      ::getsockname(socket.get(), address, &length) != 0)
    return refuse_errno(where, errno);
  const std::uint16_t port = ntohs(family == AF_INET ? v4->sin_port : v6->sin6_port);
  return Listener{socket.release(), family, port};
}

}  // namespace

std::expected<Listener, ServerError> open_listener(const ServerOptions& options) {
  return options.unix_path.empty() ? listen_tcp(options) : listen_unix(options);
}

}  // namespace gatehouse::net
