#include "net/test_support.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/encoding.h"

namespace gatehouse::net::test {
namespace {

constexpr timeval kPatience{20, 0};

void limit_waiting(int descriptor) {
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int listen_on_loopback(std::uint16_t& port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t length = sizeof address;
  EXPECT_EQ(0, ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), length));
  EXPECT_EQ(0, ::listen(descriptor, 16));
  EXPECT_EQ(0, ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length));
  port = ntohs(address.sin_port);
  return descriptor;
}

}  // namespace

RawClient RawClient::to_port(std::uint16_t port) {
  RawClient client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  limit_waiting(client.descriptor_);
  const auto address = loopback(port);
  EXPECT_EQ(0, ::connect(client.descriptor_, reinterpret_cast<const sockaddr*>(&address),
                         sizeof address));
  return client;
}

RawClient RawClient::to_path(const std::string& path) {
  RawClient client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  limit_waiting(client.descriptor_);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(0, ::connect(client.descriptor_, reinterpret_cast<const sockaddr*>(&address),
                         sizeof address));
  return client;
}

RawClient::RawClient(RawClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), buffer_(std::move(other.buffer_)) {}

RawClient::~RawClient() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the server may close before it has read everything
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool RawClient::fill() {
  std::array<char, 64 * 1024> room{};
  const auto count = ::recv(descriptor_, room.data(), room.size(), 0);
  if (count < 0) {
    EXPECT_TRUE(errno == ECONNRESET) << "no answer: " << std::strerror(errno);
  }
  if (count <= 0) return false;
  buffer_.append(room.data(), static_cast<std::size_t>(count));
  return true;
}

std::optional<RawResponse> RawClient::receive(bool answers_head) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return std::nullopt;
  }
  RawResponse response;
  const std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 ")) << head;
  response.status = std::atoi(head.c_str() + 9);
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const auto line_end = head.find("\r\n", at);
    const std::string_view line(head.data() + at, line_end - at);
    const auto colon = line.find(':');
    const bool fresh =
        response.headers
            .emplace(ascii_lower(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))))
            .second;
    EXPECT_TRUE(fresh) << "twice: " << line;
    at = line_end + 2;
  }
  const auto length = response.headers.find("content-length");
  if (answers_head || length == response.headers.end()) return response;
  const auto bytes = static_cast<std::size_t>(std::stoul(length->second));
  while (buffer_.size() < bytes) {
    if (!fill()) return std::nullopt;
  }
  response.body = buffer_.substr(0, bytes);
  buffer_.erase(0, bytes);
  return response;
}

bool RawClient::wait_for_hang_up() const {
  pollfd watched{descriptor_, POLLRDHUP, 0};
  return ::poll(&watched, 1, static_cast<int>(kPatience.tv_sec) * 1000) == 1;
}

bool RawClient::at_end() { return buffer_.empty() && !fill(); }

Peer::Peer(int descriptor, ssl_ctx_st* context) : descriptor_(descriptor), context_(context) {
  limit_waiting(descriptor);
}

Peer::~Peer() {
  if (ssl_ != nullptr) {
    SSL_shutdown(ssl_);
    SSL_free(ssl_);
  }
  ::close(descriptor_);
}

bool Peer::start_tls() {
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, descriptor_);
  return SSL_accept(ssl_) == 1;
}

std::string Peer::read_line() {
  std::string line;
  char c = 0;
  while ((ssl_ != nullptr ? SSL_read(ssl_, &c, 1)
                          : static_cast<int>(::recv(descriptor_, &c, 1, 0))) == 1) {
    if (c == '\n') break;
    if (c != '\r') line += c;
  }
  return line;
}

void Peer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ssl_ != nullptr
                          ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                          : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void ScriptedServer::ContextDeleter::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

ScriptedServer::ScriptedServer(Script script, const std::string& certificate,
                               const std::string& key)
    : script_(std::move(script)) {
  std::signal(SIGPIPE, SIG_IGN);
  if (!certificate.empty()) {
    context_.reset(SSL_CTX_new(TLS_server_method()));
    BIO* source = BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size()));
    X509* parsed = PEM_read_bio_X509(source, nullptr, nullptr, nullptr);
    BIO_free(source);
    source = BIO_new_mem_buf(key.data(), static_cast<int>(key.size()));
    EVP_PKEY* parsed_key = PEM_read_bio_PrivateKey(source, nullptr, nullptr, nullptr);
    BIO_free(source);
    EXPECT_EQ(1, SSL_CTX_use_certificate(context_.get(), parsed));
    EXPECT_EQ(1, SSL_CTX_use_PrivateKey(context_.get(), parsed_key));
    X509_free(parsed);
    EVP_PKEY_free(parsed_key);
  }
  listener_ = listen_on_loopback(port_);
  thread_ = std::thread([this] {
    for (;;) {
      const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) return;
      Peer peer(descriptor, context_.get());
      script_(peer);
    }
  });
}

ScriptedServer::~ScriptedServer() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::uint16_t closed_port() {
  std::uint16_t port = 0;
  ::close(listen_on_loopback(port));
  return port;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "gatehouse-net-XXXXXX").string();
  EXPECT_NE(nullptr, ::mkdtemp(name.data()));
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::path(std::string_view name) const {
  return path_ + "/" + std::string(name);
}

}  // namespace gatehouse::net::test
