// Writes a mail as RFC 5322 and MIME have it. Pure, thread-safe.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/time.h"
#include "net/mailer.h"

namespace gatehouse::net {

// The bare address of `a@example.com` or `Name <a@example.com>`; empty when it is neither, or has
// control characters, spaces or other characters with a meaning in SMTP within the address.
[[nodiscard]] std::string envelope_address(std::string_view mailbox);

// Lines end in CRLF. `message_id` is the unique part of Message-ID.
// Errors: an address that is none, control characters in a header, text that is not UTF-8.
[[nodiscard]] std::expected<std::string, MailError> write_mail_message(std::string_view from,
                                                                       const Mail& mail,
                                                                       Instant now,
                                                                       std::string_view message_id);

}  // namespace gatehouse::net
