// Plain blocking sockets for tests: a client that sends what it likes, and a server that follows a
// script. Every wait has an end, after which the test fails.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

struct ssl_st;
struct ssl_ctx_st;

namespace gatehouse::net::test {

struct RawResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class RawClient {
 public:
  static RawClient to_port(std::uint16_t port);
  static RawClient to_path(const std::string& path);
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient();

  void send(std::string_view bytes);
  // One response by its Content-Length; without a body when it answers a HEAD. nullopt: the
  // connection ended first.
  std::optional<RawResponse> receive(bool answers_head = false);
  // Whether the server has closed, with nothing more to read.
  bool at_end();
  // Waits, reading nothing, until the server has closed. Unix sockets only.
  bool wait_for_hang_up() const;

 private:
  explicit RawClient(int descriptor) : descriptor_(descriptor) {}
  bool fill();
  int descriptor_;
  std::string buffer_;
};

// The server's side of one connection.
class Peer {
 public:
  Peer(int descriptor, ssl_ctx_st* context);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  bool start_tls();
  // Without its line end; empty also at the end of the connection.
  std::string read_line();
  void write(std::string_view bytes);

 private:
  int descriptor_;
  ssl_ctx_st* context_;
  ssl_st* ssl_ = nullptr;
};

// Serves connections on 127.0.0.1 one after another.
class ScriptedServer {
 public:
  using Script = std::function<void(Peer&)>;
  // With certificate and key (PEM) a script may call start_tls().
  ScriptedServer(Script script, const std::string& certificate = {}, const std::string& key = {});
  ~ScriptedServer();
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  struct ContextDeleter {
    void operator()(ssl_ctx_st* context) const;
  };
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::unique_ptr<ssl_ctx_st, ContextDeleter> context_;
  Script script_;
  std::thread thread_;
};

// A port of 127.0.0.1 on which nobody listens.
std::uint16_t closed_port();

// A directory that is removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] std::string path(std::string_view name) const;

 private:
  std::string path_;
};

}  // namespace gatehouse::net::test
