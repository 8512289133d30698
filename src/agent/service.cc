#include "agent/service.h"

#include <atomic>

#include "net/http_server.h"

namespace gatehouse::agent {
namespace {

constexpr std::size_t kMaxHeaderBytes = 16 * 1024;
constexpr std::size_t kMaxQueued = 64;
constexpr std::chrono::milliseconds kGrace{2'000};

net::ServerOptions server_options(const ServiceOptions& options, std::string address,
                                  std::uint16_t port) {
  net::ServerOptions made;
  made.address = std::move(address);
  made.port = port;
  made.max_connections = options.max_connections;
  made.max_header_bytes = kMaxHeaderBytes;
  made.max_body_bytes = kMaxRequestBodyBytes;
  made.header_deadline = options.deadline;
  made.body_deadline = options.deadline;
  made.idle_deadline = options.deadline;
  made.store_threads = 2;  // a file read and a signature each
  made.identity_provider_threads = 1;
  made.posture_provider_threads = 1;
  made.max_queued = kMaxQueued;
  return made;
}

class LoopbackService final : public Service {
 public:
  LoopbackService(Attester& attester, Clock clock)
      : attester_(attester), clock_(std::move(clock)) {}

  ~LoopbackService() override {
    if (ipv6_) ipv6_->stop(kGrace);
    if (ipv4_) ipv4_->stop(kGrace);
  }

  std::expected<void, AgentError> start(const ServiceOptions& options) {
    const net::Router router = [this](const net::HttpRequest&) {
      return net::Route{net::Pool::Store, [this](const net::HttpRequest& request) {
                          return attester_.handle(request, port_, clock_());
                        }};
    };
    auto ipv4 = net::HttpServer::start(server_options(options, "127.0.0.1", options.port), router);
    if (!ipv4) return std::unexpected(AgentError{ipv4.error().message});
    ipv4_ = std::move(*ipv4);
    port_ = ipv4_->port();
    if (auto ipv6 = net::HttpServer::start(server_options(options, "::1", port_), router)) {
      ipv6_ = std::move(*ipv6);
    }
    return {};
  }

  std::uint16_t port() const override { return port_; }
  bool has_ipv6() const override { return ipv6_ != nullptr; }

 private:
  Attester& attester_;
  const Clock clock_;
  std::atomic<std::uint16_t> port_ = 0;
  std::unique_ptr<net::HttpServer> ipv4_;
  std::unique_ptr<net::HttpServer> ipv6_;
};

}  // namespace

std::expected<std::unique_ptr<Service>, AgentError> Service::start(const ServiceOptions& options,
                                                                   Attester& attester,
                                                                   Clock clock) {
  auto service = std::make_unique<LoopbackService>(attester, std::move(clock));
  if (const auto started = service->start(options); !started) {
    return std::unexpected(started.error());
  }
  return service;
}

}  // namespace gatehouse::agent
