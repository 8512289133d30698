// Mail out, over libcurl's SMTP. Blocking, thread-safe.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <string>

#include "base/secret.h"

namespace gatehouse::net {

struct Mail {
  std::string to;
  std::string subject;
  std::string text;  // UTF-8, plain
};
struct MailError {
  std::string message;
};

class Mailer {
 public:
  virtual ~Mailer() = default;
  // `to` and `subject` with control characters are refused, and a `to` that is not one address.
  // Errors name the server and the cause, never the mail or the password.
  [[nodiscard]] virtual std::expected<void, MailError> send(const Mail& mail) const = 0;
};

enum class MailSecurity { None, StartTls, Tls };  // StartTls: a server without it is an error
struct SmtpOptions {
  std::string host;
  unsigned port = 587;
  MailSecurity security = MailSecurity::StartTls;
  std::string from;  // `a@example.com` or `Name <a@example.com>`
  std::string username;
  Secret password;
  std::string extra_ca_file;                  // PEM bundle trusted besides the system's
  std::chrono::milliseconds timeout{30'000};  // for the whole exchange
};
[[nodiscard]] std::unique_ptr<Mailer> make_smtp_mailer(SmtpOptions options);

}  // namespace gatehouse::net
