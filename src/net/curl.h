// What the HTTP client and the mailer share of libcurl: handles, trust, and errors in words.
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

struct x509_st;

namespace gatehouse::net {

enum class CurlFailure { Timeout, Unreachable, Tls, Other };

// An easy handle with the defaults of this project: no signals, verified TLS 1.2 or later.
class CurlHandle {
 public:
  CurlHandle();
  // Before each use: every option back to the defaults; live connections stay.
  void reset();
  [[nodiscard]] CURL* get() const { return handle_.get(); }
  [[nodiscard]] CURLcode perform();
  // libcurl's own words about the last failure. They can quote the peer when `failure` is Other,
  // so then only the code's name is given.
  [[nodiscard]] std::string explain(CURLcode code, CurlFailure failure) const;

 private:
  struct Deleter {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  std::unique_ptr<CURL, Deleter> handle_;
  std::unique_ptr<std::array<char, CURL_ERROR_SIZE>> message_;
};

[[nodiscard]] CurlFailure classify(CURLcode code);

struct CurlListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, CurlListDeleter>;
void append(CurlList& list, const std::string& line);

// Certificates trusted besides the system's. Immutable, thread-safe.
class ExtraTrust {
 public:
  // A PEM bundle; empty: nothing. A bundle that cannot be read is kept as problem().
  explicit ExtraTrust(const std::string& file);
  // Empty, or why nothing may be sent: "cannot read the CA file `/x`: ...".
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // Borrows this object until the transfer has ended.
  void install(CURL* handle) const;

 private:
  struct Deleter {
    void operator()(x509_st* certificate) const;
  };
  static CURLcode add_to_context(CURL* handle, void* context, void* self);
  std::vector<std::unique_ptr<x509_st, Deleter>> certificates_;
  std::string problem_;
};

}  // namespace gatehouse::net
