#include "net/mailer.h"

#include <fmt/format.h>

#include <cstring>

#include "base/try.h"
#include "net/curl.h"
#include "net/mail_message.h"
#include "platform/clock.h"
#include "platform/random.h"

namespace gatehouse::net {
namespace {

std::size_t give_text(char* target, std::size_t unit, std::size_t count, void* context) noexcept {
  auto& rest = *static_cast<std::string_view*>(context);
  const std::size_t bytes = std::min(unit * count, rest.size());
  std::memcpy(target, rest.data(), bytes);
  rest.remove_prefix(bytes);
  return bytes;
}

// Nothing a server says is kept.
std::size_t drop(const char*, std::size_t unit, std::size_t count, void*) noexcept {
  return unit * count;
}

class SmtpMailer final : public Mailer {
 public:
  explicit SmtpMailer(SmtpOptions options)
      : options_(std::move(options)), trust_(options_.extra_ca_file) {}

  [[nodiscard]] std::expected<void, MailError> send(const Mail& mail) const override {
    const auto fail = [this](std::string_view cause) {
      return std::unexpected(MailError{fmt::format("cannot send mail through `{}:{}`: {}",
                                                   options_.host, options_.port, cause)});
    };
    const std::string message =
        GATEHOUSE_TRY(write_mail_message(options_.from, mail, system_now(), random_hex(16)));
    if (!trust_.problem().empty()) return fail(trust_.problem());

    CurlHandle handle;
    CURL* const curl = handle.get();
    const bool tls = options_.security == MailSecurity::Tls;
    const bool is_ipv6 = options_.host.find(':') != std::string::npos;
    const std::string url =
        fmt::format("{}://{}:{}", tls ? "smtps" : "smtp",
                    is_ipv6 ? fmt::format("[{}]", options_.host) : options_.host, options_.port);
    const std::string from = fmt::format("<{}>", envelope_address(options_.from));
    CurlList recipients;
    append(recipients, fmt::format("<{}>", mail.to));
    std::string_view rest = message;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");  // HTTP proxies of the environment are not for mail
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_USE_SSL,
                     static_cast<long>(options_.security == MailSecurity::None ? CURLUSESSL_NONE
                                                                               : CURLUSESSL_ALL));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from.c_str());
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, &give_text);
    curl_easy_setopt(curl, CURLOPT_READDATA, &rest);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &drop);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &drop);
    if (!options_.username.empty()) {
      const std::string password(options_.password.reveal());
      curl_easy_setopt(curl, CURLOPT_USERNAME, options_.username.c_str());
      curl_easy_setopt(curl, CURLOPT_PASSWORD, password.c_str());
    }
    trust_.install(curl);

    const CURLcode code = handle.perform();
    if (code != CURLE_OK) return fail(handle.explain(code, classify(code)));
    return {};
  }

 private:
  const SmtpOptions options_;
  const ExtraTrust trust_;
};

}  // namespace

std::unique_ptr<Mailer> make_smtp_mailer(SmtpOptions options) {
  return std::make_unique<SmtpMailer>(std::move(options));
}

}  // namespace gatehouse::net
