#include "net/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "base/check.h"
#include "base/encoding.h"
#include "net/listener.h"
#include "net/request_head.h"

namespace gatehouse::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;  // TCP and unix sockets alike
using Milliseconds = std::chrono::milliseconds;

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kBodyBufferBytes = 64 * 1024;  // also bounds chunk lines and trailers
constexpr Milliseconds kLingerDeadline{2'000};       // for a refused client to read why
constexpr Milliseconds kAcceptRetry{100};            // when descriptors have run out

// A pool whose queue has an end.
class WorkPool {
 public:
  WorkPool(std::size_t threads, std::size_t max_queued)
      : limit_(threads + max_queued), pool_(threads) {}

  // Runs `work` and hands its result to `done`, both on the pool; false when the queue is full.
  template <typename Work, typename Done>
  bool submit(Work work, Done done) {
    if (pending_.fetch_add(1) >= limit_) {
      pending_.fetch_sub(1);
      return false;
    }
    asio::post(pool_, [this, work = std::move(work), done = std::move(done)]() mutable {
      auto result = work();
      pending_.fetch_sub(1);
      done(std::move(result));
    });
    return true;
  }
  void stop() { pool_.stop(); }  // drops what is queued
  void join() { pool_.join(); }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> pending_{0};
  asio::thread_pool pool_;
};

HttpResponse plain_response(int status) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}},
          std::string(http::obsolete_reason(static_cast<http::status>(status))) + "\n"};
}

bool is_field_text(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool is_ours(std::string_view name) {
  return ascii_iequals(name, "Content-Length") || ascii_iequals(name, "Transfer-Encoding") ||
         ascii_iequals(name, "Connection");
}

std::optional<IpAddress> address_of(const Protocol::endpoint& endpoint) {
  sockaddr_storage storage{};
  std::memcpy(&storage, endpoint.data(), std::min(endpoint.size(), sizeof storage));
  if (storage.ss_family == AF_INET) {
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in&>(storage).sin_addr,
                bytes.size());
    return IpAddress::from_v4(bytes);
  }
  if (storage.ss_family == AF_INET6) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr,
                bytes.size());
    return IpAddress::from_v6(bytes);
  }
  return std::nullopt;
}

enum class Body { Send, Omit };
enum class After { KeepAlive, Close };

std::string write_response(const HttpResponse& response, Body body, After after) {
  GATEHOUSE_CHECK(response.status >= 200 && response.status <= 599, "a final HTTP status");
  const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", response.status,
                                std::string_view(reason.data(), reason.size()));
  for (const auto& [name, value] : response.headers) {
    GATEHOUSE_CHECK(!name.empty() && is_field_text(name) && is_field_text(value) &&
                        name.find_first_of(": \t") == std::string::npos,
                    "a response header without control characters");
    if (!is_ours(name)) out.append(name).append(": ").append(value).append("\r\n");
  }
  const bool bodyless = response.status == 204 || response.status == 304;
  if (!bodyless) out += fmt::format("Content-Length: {}\r\n", response.body.size());
  out += after == After::KeepAlive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  if (!bodyless && body == Body::Send) out += response.body;
  return out;
}

class Server;

// One client. Lives as long as an operation of it is pending; every member is used on the network
// thread alone, except that a handler reads `request_` while nothing else does.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Protocol::socket socket, Server& server);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  void read_head();
  // The server stops: ends at once unless an answer is on its way.
  void wind_up();

 private:
  enum class State { Reading, Answering };

  void look_at_head();
  void take_head(std::size_t bytes);
  [[nodiscard]] int check_head() const;  // 0, or the status that refuses
  void read_body();
  void receive_body();
  void dispatch();
  void write(std::string text, After after);
  void refuse(int status);
  void linger();
  void close();
  void arm(Milliseconds deadline);
  void watch(Milliseconds deadline);
  void disarm();
  // The connection loop's catch-all around the code of others: counted, nothing returned.
  template <typename Call>
  auto attempt(Call call) noexcept -> std::optional<std::invoke_result_t<Call>>;

  [[nodiscard]] std::string_view buffered() const {
    const auto data = buffer_.cdata();
    return {static_cast<const char*>(data.data()), data.size()};
  }

  Server& server_;
  Protocol::socket socket_;
  std::optional<IpAddress> peer_;
  asio::steady_timer timer_;
  std::uint64_t timer_generation_ = 0;
  bool timed_out_ = false;
  State state_ = State::Reading;
  bool first_ = true;          // no request has been answered yet
  bool head_started_ = false;  // its deadline runs
  std::size_t scanned_ = 0;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  HttpRequest request_;
  std::string out_;
};

class Server final : public HttpServer {
 public:
  Server(ServerOptions options, Router router, const Listener& listener)
      : options_(std::move(options)),
        router_(std::move(router)),
        port_(listener.port),
        acceptor_(io_, Protocol(listener.family, 0), listener.descriptor),
        accept_retry_(io_),
        work_(io_.get_executor()),
        store_(std::max<std::size_t>(options_.store_threads, 1), options_.max_queued),
        identity_provider_(std::max<std::size_t>(options_.identity_provider_threads, 1),
                           options_.max_queued),
        posture_provider_(std::max<std::size_t>(options_.posture_provider_threads, 1),
                          options_.max_queued) {
    accept();
    thread_ = std::thread([this] { run(); });
  }
  ~Server() override { stop(Milliseconds{0}); }

  [[nodiscard]] std::uint16_t port() const override { return port_; }
  void stop(Milliseconds grace) override;
  [[nodiscard]] std::uint64_t failed_handlers() const override { return failed_; }

  [[nodiscard]] const ServerOptions& options() const { return options_; }
  [[nodiscard]] asio::io_context& io() { return io_; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] const Router& router() const { return router_; }
  [[nodiscard]] WorkPool& pool(Pool which);
  void count_failure() { ++failed_; }
  void remove(Connection* connection);

 private:
  void run();
  void accept();

  const ServerOptions options_;
  const Router router_;
  const std::uint16_t port_;
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<bool> stopping_{false};
  std::unordered_set<Connection*> connections_;  // network thread
  std::mutex mutex_;
  std::condition_variable drained_changed_;
  bool drained_ = false;  // under mutex_
  std::mutex stop_mutex_;

  // What holds connections comes after what they report to, and is destroyed before it.
  asio::io_context io_{1};
  asio::basic_socket_acceptor<Protocol> acceptor_;
  asio::steady_timer accept_retry_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  WorkPool store_;
  WorkPool identity_provider_;
  WorkPool posture_provider_;
  std::thread thread_;
};

Connection::Connection(Protocol::socket socket, Server& server)
    : server_(server),
      socket_(std::move(socket)),
      timer_(server.io()),
      buffer_(server.options().max_header_bytes + kBodyBufferBytes) {
  error_code ec;
  const auto endpoint = socket_.remote_endpoint(ec);
  if (!ec) peer_ = address_of(endpoint);
}

Connection::~Connection() { server_.remove(this); }

void Connection::arm(Milliseconds deadline) {
  timed_out_ = false;
  ++timer_generation_;
  watch(deadline);
}

// At the deadline the pending operation is cancelled, so that its completion can say why. When that
// completion was already on its way the cancellation is lost: then the socket is closed a little
// later, and no operation outlives its deadline.
void Connection::watch(Milliseconds deadline) {
  timer_.expires_after(deadline);
  timer_.async_wait([self = shared_from_this(), generation = timer_generation_](error_code ec) {
    if (ec || generation != self->timer_generation_) return;
    if (self->timed_out_) return self->close();
    self->timed_out_ = true;
    error_code ignored;
    self->socket_.cancel(ignored);
    self->watch(kLingerDeadline);
  });
}

void Connection::disarm() {
  ++timer_generation_;
  timer_.cancel();
}

void Connection::close() {
  disarm();
  error_code ignored;
  socket_.close(ignored);
}

void Connection::wind_up() {
  if (state_ == State::Reading) close();
}

void Connection::read_head() {
  state_ = State::Reading;
  head_started_ = false;
  scanned_ = 0;
  look_at_head();
}

void Connection::look_at_head() {
  const std::size_t limit = server_.options().max_header_bytes;
  const HeadScan scan = scan_head(buffered(), scanned_);
  scanned_ = buffer_.size();
  if (scan.state == HeadState::Malformed) return refuse(400);
  if (scan.state == HeadState::Complete ? scan.bytes > limit : buffer_.size() >= limit)
    return refuse(431);
  if (scan.state == HeadState::Complete) return take_head(scan.bytes);

  if (!head_started_) {
    head_started_ = first_ || buffer_.size() > 0;
    arm(head_started_ ? server_.options().header_deadline : server_.options().idle_deadline);
  }
  socket_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](error_code ec, std::size_t bytes) {
                            self->buffer_.commit(bytes);
                            if (self->timed_out_)
                              return self->buffer_.size() > 0 ? self->refuse(408) : self->close();
                            if (ec) return self->close();
                            self->look_at_head();
                          });
}

void Connection::take_head(std::size_t bytes) {
  first_ = false;
  parser_.emplace();
  // The limit was applied above; Beast's is a bound on what it looks at.
  parser_->header_limit(static_cast<std::uint32_t>(bytes + 1));
  parser_->body_limit(server_.options().max_body_bytes);
  error_code ec;
  parser_->put(asio::const_buffer(buffer_.cdata().data(), bytes), ec);
  buffer_.consume(bytes);
  if (ec == http::error::body_limit) return refuse(413);
  if (ec || !parser_->is_header_done()) return refuse(400);

  // Taken before the body is read: a chunked body's trailers must not become headers.
  const auto& head = parser_->get();
  request_ = {};
  request_.peer = peer_;
  request_.method = std::string(head.method_string());
  request_.target = std::string(head.target());
  const auto mark = request_.target.find('?');
  request_.path = request_.target.substr(0, mark);
  if (mark != std::string::npos) request_.query = request_.target.substr(mark + 1);
  for (const auto& field : head)
    request_.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));

  if (const int status = check_head(); status != 0) return refuse(status);
  if (parser_->is_done()) return dispatch();
  read_body();
}

int Connection::check_head() const {
  const bool is_http_1_1 = parser_->get().version() == 11;
  if (!request_.target.starts_with('/')) return 400;
  // RFC 9112 3.2: exactly one Host.
  const auto hosts = request_.count("Host");
  if (hosts > 1 || (is_http_1_1 && hosts == 0)) return 400;
  // RFC 9112 6.1, 6.3: one unambiguous length.
  const auto lengths = request_.count("Content-Length");
  const auto codings = request_.count("Transfer-Encoding");
  if (lengths > 1 || codings > 1 || (lengths > 0 && codings > 0)) return 400;
  if (lengths == 1) {
    const auto text = *request_.header("Content-Length");
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return 400;
  }
  if (codings == 1 &&
      (!is_http_1_1 || !ascii_iequals(*request_.header("Transfer-Encoding"), "chunked")))
    return 400;
  if (request_.count("Expect") > 0) {
    const auto expected = request_.header("Expect");
    if (!expected || !ascii_iequals(*expected, "100-continue")) return 417;
  }
  return 0;
}

void Connection::read_body() {
  arm(server_.options().body_deadline);
  if (request_.count("Expect") == 0) return receive_body();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](error_code ec, std::size_t) {
                      if (ec) return self->close();
                      self->receive_body();
                    });
}

void Connection::receive_body() {
  http::async_read(socket_, buffer_, *parser_,
                   [self = shared_from_this()](error_code ec, std::size_t) {
                     if (!ec) {
                       self->request_.body = std::move(self->parser_->get().body());
                       return self->dispatch();
                     }
                     if (self->timed_out_) return self->refuse(408);
                     if (ec == http::error::body_limit || ec == http::error::buffer_overflow)
                       return self->refuse(413);
                     if (ec.category() == make_error_code(http::error::bad_chunk).category() &&
                         ec != http::error::partial_message && ec != http::error::end_of_stream)
                       return self->refuse(400);
                     self->close();
                   });
}

template <typename Call>
auto Connection::attempt(Call call) noexcept -> std::optional<std::invoke_result_t<Call>> {
  try {
    return call();
  } catch (...) {
    server_.count_failure();
    return std::nullopt;
  }
}

void Connection::dispatch() {
  disarm();
  state_ = State::Answering;
  const After after =
      parser_->keep_alive() && !server_.stopping() ? After::KeepAlive : After::Close;
  const Body body = request_.method == "HEAD" ? Body::Omit : Body::Send;
  const auto failed = [body, after] { return write_response(plain_response(500), body, after); };

  auto route = attempt([this] { return server_.router()(request_); });
  if (!route) return write(failed(), after);
  // Runs on the handler's pool. Holds no reference to the connection: the last one must not be
  // given up there.
  auto answer = [this, body, after, failed, handler = std::move(route->handler)] {
    auto text = attempt([&] { return write_response(handler(request_), body, after); });
    return text ? std::move(*text) : failed();
  };
  if (route->pool == Pool::Inline) return write(answer(), after);
  const bool accepted =
      server_.pool(route->pool)
          .submit(std::move(answer), [self = shared_from_this(), after](std::string text) mutable {
            auto& io = self->server_.io();
            asio::post(io, [self = std::move(self), after, text = std::move(text)]() mutable {
              self->write(std::move(text), after);
            });
          });
  if (accepted) return;
  auto busy = plain_response(503);
  busy.headers.emplace_back("Retry-After", "1");
  write(write_response(busy, body, after), after);
}

void Connection::write(std::string text, After after) {
  out_ = std::move(text);
  arm(server_.options().body_deadline);
  asio::async_write(socket_, asio::buffer(out_),
                    [self = shared_from_this(), after](error_code ec, std::size_t) {
                      self->disarm();
                      if (ec || after == After::Close || self->server_.stopping())
                        return self->close();
                      self->read_head();
                    });
}

void Connection::refuse(int status) {
  state_ = State::Answering;
  out_ = write_response(plain_response(status), Body::Send, After::Close);
  arm(kLingerDeadline);
  asio::async_write(socket_, asio::buffer(out_),
                    [self = shared_from_this()](error_code ec, std::size_t) {
                      if (ec) return self->close();
                      self->socket_.shutdown(Protocol::socket::shutdown_send, ec);
                      self->linger();
                    });
}

// Closing with unread bytes resets the connection, and the client may lose the answer: what still
// comes is read and dropped until the client closes or the deadline does.
void Connection::linger() {
  state_ = State::Reading;
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](error_code ec, std::size_t) {
                            if (ec || self->server_.stopping()) return self->close();
                            self->linger();
                          });
}

WorkPool& Server::pool(Pool which) {
  if (which == Pool::IdentityProvider) return identity_provider_;
  if (which == Pool::PostureProvider) return posture_provider_;
  return store_;
}

void Server::run() {
  // The connection loop: an exception that escapes a completion ends its connection, not the loop.
  for (;;) {
    try {
      io_.run();
      return;
    } catch (...) {
      count_failure();
    }
  }
}

void Server::accept() {
  acceptor_.async_accept([this](error_code ec, Protocol::socket socket) {
    if (!acceptor_.is_open()) return;
    if (ec) {
      accept_retry_.expires_after(kAcceptRetry);
      accept_retry_.async_wait([this](error_code failed) {
        if (!failed && acceptor_.is_open()) accept();
      });
      return;
    }
    accept();
    if (connections_.size() >= options_.max_connections) return;  // closes it
    ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    const auto connection = std::make_shared<Connection>(std::move(socket), *this);
    connections_.insert(connection.get());
    connection->read_head();
  });
}

void Server::remove(Connection* connection) {
  connections_.erase(connection);
  if (!stopping_ || !connections_.empty()) return;
  const std::lock_guard lock(mutex_);
  drained_ = true;
  drained_changed_.notify_all();
}

void Server::stop(Milliseconds grace) {
  const std::lock_guard only_one(stop_mutex_);
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    stopping_ = true;
    if (!options_.unix_path.empty()) ::unlink(options_.unix_path.c_str());
    error_code ignored;
    acceptor_.close(ignored);
    accept_retry_.cancel();
    for (Connection* connection : connections_) connection->wind_up();
    if (connections_.empty()) {
      const std::lock_guard lock(mutex_);
      drained_ = true;
      drained_changed_.notify_all();
    }
  });
  {
    std::unique_lock lock(mutex_);
    drained_changed_.wait_for(lock, grace, [this] { return drained_; });
  }
  for (WorkPool* pool : {&store_, &identity_provider_, &posture_provider_}) pool->stop();
  io_.stop();
  thread_.join();
  for (WorkPool* pool : {&store_, &identity_provider_, &posture_provider_}) pool->join();
}

}  // namespace

std::expected<std::unique_ptr<HttpServer>, ServerError> HttpServer::start(ServerOptions options,
                                                                          Router router) {
  const auto listener = open_listener(options);
  if (!listener) return std::unexpected(listener.error());
  try {
    return std::make_unique<Server>(std::move(options), std::move(router), *listener);
  } catch (const boost::system::system_error& error) {
    return std::unexpected(ServerError{fmt::format("cannot serve: {}", error.code().message())});
  } catch (const std::system_error& error) {
    return std::unexpected(ServerError{fmt::format("cannot serve: {}", error.code().message())});
  }
}

}  // namespace gatehouse::net
