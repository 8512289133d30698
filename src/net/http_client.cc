#include "net/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "base/encoding.h"
#include "net/curl.h"

namespace gatehouse::net {
namespace {

constexpr std::size_t kMaxIdleHandles = 16;
constexpr std::size_t kMaxResponseHeaderBytes = 64 * 1024;

// What the callbacks fill. `headers` are those of the last head: a 100 or a proxy's come before.
struct Transfer {
  HttpResponse response;
  std::size_t header_bytes = 0;
  std::size_t max_body_bytes = 0;
  bool head_open = false;
  bool too_large = false;
};

// Exceptions must not cross libcurl; a short count makes it end the transfer.
std::size_t receive_body(const char* data, std::size_t, std::size_t size, void* context) noexcept {
  auto& transfer = *static_cast<Transfer*>(context);
  if (size > transfer.max_body_bytes - transfer.response.body.size()) {
    transfer.too_large = true;
    return 0;
  }
  try {
    transfer.response.body.append(data, size);
  } catch (const std::bad_alloc&) {
    transfer.too_large = true;
    return 0;
  }
  return size;
}

std::size_t receive_header(const char* data, std::size_t, std::size_t size,
                           void* context) noexcept {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.header_bytes += size;
  if (transfer.header_bytes > kMaxResponseHeaderBytes) {
    transfer.too_large = true;
    return 0;
  }
  const auto line = trim(std::string_view(data, size));
  try {
    if (line.empty()) {
      transfer.head_open = false;  // what follows the body is a trailer, and dropped
    } else if (line.starts_with("HTTP/") && !transfer.head_open) {
      transfer.response.headers.clear();
      transfer.head_open = true;
    } else if (const auto colon = line.find(':');
               transfer.head_open && colon != std::string_view::npos) {
      transfer.response.headers.emplace_back(std::string(line.substr(0, colon)),
                                             std::string(trim(line.substr(colon + 1))));
    }
  } catch (const std::bad_alloc&) {
    transfer.too_large = true;
    return 0;
  }
  return size;
}

std::string host_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  char* host = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
          CURLUE_OK ||
      curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK)
    return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(host, &curl_free);
  return host;
}

bool is_line_text(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7f &&
           std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
  });
}

OutboundFailure outbound_failure(CurlFailure failure) {
  switch (failure) {
    case CurlFailure::Timeout:
      return OutboundFailure::Timeout;
    case CurlFailure::Unreachable:
      return OutboundFailure::Unreachable;
    case CurlFailure::Tls:
      return OutboundFailure::Tls;
    case CurlFailure::Other:
      break;
  }
  return OutboundFailure::Protocol;
}

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(const std::string& extra_ca_file) : trust_(extra_ca_file) {}

  [[nodiscard]] std::expected<HttpResponse, OutboundError> send(
      const OutboundRequest& request) const override {
    const std::string host = host_of(request.url);
    const auto fail = [&host](OutboundFailure failure, std::string_view cause) {
      return std::unexpected(OutboundError{failure, fmt::format("`{}`: {}", host, cause)});
    };
    if (host.empty()) {
      return std::unexpected(OutboundError{OutboundFailure::Protocol, "the URL is not valid"});
    }
    if (!trust_.problem().empty()) return fail(OutboundFailure::Tls, trust_.problem());
    if (!is_token(request.method)) return fail(OutboundFailure::Protocol, "not an HTTP method");

    CurlList headers;
    append(headers, "Expect:");  // no 100-continue: bodies are small
    for (const auto& [name, value] : request.headers) {
      if (!is_token(name) || !is_line_text(value))
        return fail(OutboundFailure::Protocol, "a request header is not valid");
      append(headers, value.empty() ? name + ";" : name + ": " + value);
    }

    // INVARIANT: `curl` points at this frame's objects; it is reset before it is used again.
    CurlHandle handle = take_handle();
    CURL* const curl = handle.get();
    Transfer transfer;
    transfer.max_body_bytes = request.max_response_bytes;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
    if (!request.unix_socket.empty()) {
      curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    }
    CurlList resolved;
    if (!request.resolve.empty()) {
      append(resolved, request.resolve);
      curl_easy_setopt(curl, CURLOPT_RESOLVE, resolved.get());
    }
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "gatehouse");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(request.connect_timeout.count()));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &receive_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &receive_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
    if (request.method == "HEAD") {
      curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else {
      if (request.method != "GET" || !request.body.empty()) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
      }
      curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    if (!request.basic_user.empty()) {
      const std::string password(request.basic_password.reveal());
      curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
      curl_easy_setopt(curl, CURLOPT_USERNAME, request.basic_user.c_str());
      curl_easy_setopt(curl, CURLOPT_PASSWORD, password.c_str());
    }
    trust_.install(curl);

    const CURLcode code = handle.perform();
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    const CurlFailure failure = classify(code);
    const std::string cause = handle.explain(code, failure);
    give_back(std::move(handle));
    if (transfer.too_large) return fail(OutboundFailure::TooLarge, "the response is too large");
    if (code != CURLE_OK) return fail(outbound_failure(failure), cause);
    transfer.response.status = static_cast<int>(status);
    return std::move(transfer.response);
  }

 private:
  // Handles keep their connections, so that the next call to the same host finds one open.
  CurlHandle take_handle() const {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return {};
    CurlHandle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }

  void give_back(CurlHandle handle) const {
    handle.reset();
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMaxIdleHandles) idle_.push_back(std::move(handle));
  }

  const ExtraTrust trust_;
  mutable std::mutex mutex_;
  mutable std::vector<CurlHandle> idle_;  // all reset
};

}  // namespace

std::unique_ptr<HttpClient> make_http_client(const std::string& extra_ca_file) {
  return std::make_unique<CurlClient>(extra_ca_file);
}

}  // namespace gatehouse::net
