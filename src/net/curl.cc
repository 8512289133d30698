#include "net/curl.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "platform/file.h"

namespace gatehouse::net {
namespace {

void initialize_once() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  GATEHOUSE_CHECK(result == CURLE_OK, "libcurl initializes");
}

}  // namespace

CurlHandle::CurlHandle() : message_(std::make_unique<std::array<char, CURL_ERROR_SIZE>>()) {
  initialize_once();
  handle_.reset(curl_easy_init());
  if (!handle_) throw std::bad_alloc();
  reset();
}

void CurlHandle::reset() {
  CURL* const curl = handle_.get();
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message_->data());
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
}

CURLcode CurlHandle::perform() {
  message_->front() = '\0';
  return curl_easy_perform(handle_.get());
}

std::string CurlHandle::explain(CURLcode code, CurlFailure failure) const {
  if (failure != CurlFailure::Other && message_->front() != '\0') return message_->data();
  return curl_easy_strerror(code);
}

CurlFailure classify(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return CurlFailure::Timeout;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return CurlFailure::Unreachable;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return CurlFailure::Tls;
    default:
      return CurlFailure::Other;
  }
}

void append(CurlList& list, const std::string& line) {
  curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

void ExtraTrust::Deleter::operator()(x509_st* certificate) const { X509_free(certificate); }

ExtraTrust::ExtraTrust(const std::string& file) {
  if (file.empty()) return;
  const auto pem = read_file(file);
  if (!pem) {
    problem_ = pem.error().message;
    return;
  }
  const std::unique_ptr<BIO, decltype(&BIO_free)> source(
      BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())), &BIO_free);
  while (X509* const certificate = PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr))
    certificates_.emplace_back(certificate);
  // A clean end of the file is reported as "no start line"; anything else is a broken block.
  const bool clean_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (certificates_.empty() || !clean_end)
    problem_ = fmt::format("the CA file `{}` is not a PEM bundle of certificates", file);
}

CURLcode ExtraTrust::add_to_context(CURL*, void* context, void* self) {
  X509_STORE* const store = SSL_CTX_get_cert_store(static_cast<SSL_CTX*>(context));
  for (const auto& certificate : static_cast<const ExtraTrust*>(self)->certificates_) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return CURLE_SSL_CACERT_BADFILE;
  }
  return CURLE_OK;
}

void ExtraTrust::install(CURL* handle) const {
  if (certificates_.empty()) return;
  curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, &ExtraTrust::add_to_context);
  curl_easy_setopt(handle, CURLOPT_SSL_CTX_DATA, this);
}

}  // namespace gatehouse::net
