#include "net/mail_message.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/try.h"

namespace gatehouse::net {
namespace {

constexpr std::size_t kMaxLineBytes = 900;     // RFC 5322 2.1.1: 998, less the field's name
constexpr std::size_t kEncodedWordBytes = 45;  // 60 characters of base64: RFC 2047 2 allows 75
constexpr std::size_t kEncodedLineBytes = 57;  // 76 characters: RFC 2045 6.8

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// RFC 2047 encoded words when the text needs them; never splits a character.
std::string header_text(std::string_view text) {
  const bool has_marker = text.find("=?") != std::string_view::npos;
  if (is_ascii(text) && text.size() <= kMaxLineBytes && !has_marker) return std::string(text);
  std::string out;
  while (!text.empty()) {
    std::size_t length = std::min(kEncodedWordBytes, text.size());
    while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
      --length;
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + base64_encode(text.substr(0, length)) + "?=";
    text.remove_prefix(length);
  }
  return out;
}

// Every line ends in CRLF, whatever ended it before.
struct Lines {
  std::string text;
  std::size_t longest = 0;  // bytes of the longest line
};

Lines with_crlf(std::string_view text) {
  Lines lines;
  std::size_t length = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if (text[i] == '\n' || text[i] == '\r') {
      lines.text += "\r\n";
      length = 0;
      continue;
    }
    lines.text += text[i];
    lines.longest = std::max(lines.longest, ++length);
  }
  if (!lines.text.ends_with('\n')) lines.text += "\r\n";
  return lines;
}

std::expected<std::string, MailError> header_mailbox(std::string_view field,
                                                     std::string_view mailbox) {
  const std::string address = envelope_address(mailbox);
  if (address.empty())
    return std::unexpected(MailError{fmt::format("`{}` is not a mail address", field)});
  const auto open = mailbox.rfind('<');
  const auto display = open == std::string_view::npos ? "" : trim(mailbox.substr(0, open));
  if (display.empty()) return address;
  const std::string encoded = header_text(display);
  if (encoded != display) return fmt::format("{} <{}>", encoded, address);
  std::string quoted;
  for (const char c : display) {
    if (c == '"') continue;
    if (c == '\\') quoted += '\\';
    quoted += c;
  }
  return fmt::format("\"{}\" <{}>", quoted, address);
}

}  // namespace

std::string envelope_address(std::string_view mailbox) {
  if (std::ranges::any_of(mailbox, is_control)) return {};
  auto address = trim(mailbox);
  if (address.ends_with('>')) {
    const auto open = address.rfind('<');
    if (open == std::string_view::npos) return {};
    address = address.substr(open + 1, address.size() - open - 2);
  }
  const auto at = address.find('@');
  if (at == 0 || at == std::string_view::npos || at + 1 == address.size() ||
      address.find('@', at + 1) != std::string_view::npos ||
      address.find_first_of(" <>()[],;:\\\"") != std::string_view::npos || !is_valid_utf8(address))
    return {};
  return std::string(address);
}

std::expected<std::string, MailError> write_mail_message(std::string_view from, const Mail& mail,
                                                         Instant now, std::string_view message_id) {
  if (std::ranges::any_of(mail.subject, is_control))
    return std::unexpected(MailError{"the subject has control characters"});
  if (!is_valid_utf8(mail.subject) || !is_valid_utf8(mail.text) || !is_valid_utf8(from))
    return std::unexpected(MailError{"the mail is not UTF-8"});
  const std::string sender = GATEHOUSE_TRY(header_mailbox("from", from));
  if (envelope_address(mail.to) != mail.to || mail.to.empty())
    return std::unexpected(MailError{"`to` is not a mail address"});

  const std::string from_address = envelope_address(from);
  const Lines lines = with_crlf(mail.text);
  const bool plain = is_ascii(lines.text) && lines.longest <= kMaxLineBytes &&
                     lines.text.find('\0') == std::string::npos;
  std::string message = fmt::format(
      "Date: {:%a, %d %b %Y %H:%M:%S} +0000\r\n"
      "Message-ID: <{}@{}>\r\n"
      "From: {}\r\n"
      "To: {}\r\n"
      "Subject: {}\r\n"
      "Auto-Submitted: auto-generated\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: {}\r\n"
      "\r\n",
      fmt::gmtime(static_cast<std::time_t>(to_epoch_seconds(now))), message_id,
      from_address.substr(from_address.find('@') + 1), sender, mail.to, header_text(mail.subject),
      plain ? "7bit" : "base64");
  if (plain) return message + lines.text;
  for (std::string_view rest = lines.text; !rest.empty();) {
    const auto piece = rest.substr(0, kEncodedLineBytes);
    message += base64_encode(piece) + "\r\n";
    rest.remove_prefix(piece.size());
  }
  return message;
}

}  // namespace gatehouse::net
