#include "net/mailer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <mutex>

#include "base/encoding.h"
#include "jose/jwk.h"
#include "net/mail_message.h"
#include "net/test_support.h"

namespace gatehouse::net {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow = from_epoch_seconds(1767225845);  // Thu, 01 Jan 2026 00:04:05 UTC

std::string body_of(const std::string& message) {
  return message.substr(message.find("\r\n\r\n") + 4);
}

TEST(MailMessage, PlainText) {
  const auto message =
      write_mail_message("Gatehouse <no-reply@example.com>",
                         {"a@example.net", "Your code", "code: 1\n.dot\r\nend"}, kNow, "id");
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(
      "Date: Thu, 01 Jan 2026 00:04:05 +0000\r\n"
      "Message-ID: <id@example.com>\r\n"
      "From: \"Gatehouse\" <no-reply@example.com>\r\n"
      "To: a@example.net\r\n"
      "Subject: Your code\r\n"
      "Auto-Submitted: auto-generated\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: 7bit\r\n"
      "\r\n"
      "code: 1\r\n.dot\r\nend\r\n",
      *message);
}

TEST(MailMessage, OtherTextIsEncoded) {
  std::string subject;
  for (int i = 0; i < 60; ++i) subject += "\xc3\xbc";
  const std::string text = std::string(100, 'x') + "\xe2\x82\xac\n";
  const auto message = write_mail_message("Zug\xc3\xa4nge <a@example.com>",
                                          {"b@example.net", subject, text}, kNow, "id");
  ASSERT_TRUE(message);
  EXPECT_NE(std::string::npos, message->find("From: =?UTF-8?B?" + base64_encode("Zug\xc3\xa4nge") +
                                             "?= <a@example.com>\r\n"));
  // The subject: encoded words on folded lines, none within a character.
  const auto at = message->find("Subject: ") + 9;
  auto folded = message->substr(at, message->find("\r\nAuto") - at);
  std::string decoded;
  for (std::size_t start = 0; (start = folded.find("=?UTF-8?B?", start)) != std::string::npos;) {
    const auto end = folded.find("?=", start);
    EXPECT_LE(end + 2 - start, 75U);
    const auto word = base64_decode(folded.substr(start + 10, end - start - 10));
    ASSERT_TRUE(word);
    EXPECT_TRUE(is_valid_utf8(*word));
    decoded += *word;
    start = end;
  }
  EXPECT_EQ(subject, decoded);
  EXPECT_NE(std::string::npos, message->find("Content-Transfer-Encoding: base64\r\n"));
  auto encoded = body_of(*message);
  EXPECT_EQ(76U, encoded.find("\r\n"));
  std::erase_if(encoded, [](char c) { return c == '\r' || c == '\n'; });
  EXPECT_EQ(std::string(100, 'x') + "\xe2\x82\xac\r\n", base64_decode(encoded));
}

TEST(MailMessage, LongLinesAreEncoded) {
  const auto message = write_mail_message(
      "a@example.com", {"b@example.net", std::string(1000, 's'), std::string(2000, 'x')}, kNow,
      "id");
  ASSERT_TRUE(message);
  std::size_t longest = 0;
  for (std::size_t at = 0; at < message->size();) {
    const auto end = message->find("\r\n", at);
    longest = std::max(longest, end - at);
    at = end + 2;
  }
  EXPECT_LE(longest, 998U);
  EXPECT_NE(std::string::npos, message->find("base64"));
}

TEST(MailMessage, Refusals) {
  struct Case {
    const char* name;
    std::string from;
    Mail mail;
    std::string error;
  };
  const std::string from = "a@example.com";
  const Case cases[] = {
      {"CR LF in the subject",
       from,
       {"b@example.net", "x\r\nBcc: c@example.net", "t"},
       "the subject has control characters"},
      {"LF in the subject",
       from,
       {"b@example.net", "x\ny", "t"},
       "the subject has control characters"},
      {"NUL in the subject",
       from,
       {"b@example.net", std::string("x\0y", 3), "t"},
       "the subject has control characters"},
      {"subject not UTF-8", from, {"b@example.net", "\xff", "t"}, "the mail is not UTF-8"},
      {"text not UTF-8", from, {"b@example.net", "s", "\xff"}, "the mail is not UTF-8"},
      {"CR LF in to",
       from,
       {"b@example.net\r\nRCPT TO:<c@example.net>", "s", "t"},
       "`to` is not a mail address"},
      {"two recipients",
       from,
       {"b@example.net,c@example.net", "s", "t"},
       "`to` is not a mail address"},
      {"a name in to", from, {"B <b@example.net>", "s", "t"}, "`to` is not a mail address"},
      {"bracket in to", from, {"b>@example.net", "s", "t"}, "`to` is not a mail address"},
      {"space in to", from, {"b @example.net", "s", "t"}, "`to` is not a mail address"},
      {"space after to", from, {"b@example.net ", "s", "t"}, "`to` is not a mail address"},
      {"no at", from, {"b.example.net", "s", "t"}, "`to` is not a mail address"},
      {"two ats", from, {"b@c@example.net", "s", "t"}, "`to` is not a mail address"},
      {"no local part", from, {"@example.net", "s", "t"}, "`to` is not a mail address"},
      {"no domain", from, {"b@", "s", "t"}, "`to` is not a mail address"},
      {"empty to", from, {"", "s", "t"}, "`to` is not a mail address"},
      {"from that is none", "nobody", {"b@example.net", "s", "t"}, "`from` is not a mail address"},
      {"control character in from",
       "A\r\nX: <a@example.com>",
       {"b@example.net", "s", "t"},
       "`from` is not a mail address"},
  };
  for (const auto& c : cases) {
    const auto message = write_mail_message(c.from, c.mail, kNow, "id");
    ASSERT_FALSE(message) << c.name;
    EXPECT_EQ(c.error, message.error().message) << c.name;
  }
}

// A mail server that takes one mail a connection and keeps what it was told.
class MailServer {
 public:
  struct Behaviour {
    bool tls_at_once = false;
    bool offers_starttls = false;
    bool offers_auth = false;
    std::string rcpt_answer = "250 ok";
  };
  MailServer(Behaviour behaviour, const std::string& certificate, const std::string& key)
      : behaviour_(std::move(behaviour)),
        server_([this](test::Peer& peer) { talk(peer); }, certificate, key) {}

  [[nodiscard]] unsigned port() const { return server_.port(); }
  [[nodiscard]] std::string commands() {
    const std::lock_guard lock(mutex_);
    return commands_;
  }
  [[nodiscard]] std::string data() {
    const std::lock_guard lock(mutex_);
    return data_;
  }

 private:
  void talk(test::Peer& peer) {
    bool tls = behaviour_.tls_at_once;
    if (tls && !peer.start_tls()) return;
    peer.write("220 mail.example ESMTP\r\n");
    for (std::string line = peer.read_line(); !line.empty(); line = peer.read_line()) {
      {
        const std::lock_guard lock(mutex_);
        commands_ += line + "\n";
      }
      if (line.starts_with("EHLO")) {
        if (behaviour_.offers_starttls && !tls) peer.write("250-STARTTLS\r\n");
        if (behaviour_.offers_auth) peer.write("250-AUTH PLAIN\r\n");
        peer.write("250 mail.example\r\n");
      } else if (line == "STARTTLS") {
        peer.write("220 go ahead\r\n");
        if (!peer.start_tls()) return;
        tls = true;
      } else if (line == "AUTH PLAIN") {
        peer.write("334 \r\n");
        line = peer.read_line();
        peer.write(base64_decode(line) == std::string("\0user\0pass", 10) ? "235 ok\r\n"
                                                                          : "535 no\r\n");
      } else if (line.starts_with("RCPT")) {
        peer.write(behaviour_.rcpt_answer + "\r\n");
      } else if (line == "DATA") {
        peer.write("354 go ahead\r\n");
        std::string text;
        for (line = peer.read_line(); line != "."; line = peer.read_line()) text += line + "\n";
        {
          const std::lock_guard lock(mutex_);
          data_ = text;
        }
        peer.write("250 kept\r\n");
      } else if (line == "QUIT") {
        peer.write("221 bye\r\n");
        return;
      } else {
        peer.write("250 ok\r\n");
      }
    }
  }

  const Behaviour behaviour_;
  std::mutex mutex_;
  std::string commands_;
  std::string data_;
  test::ScriptedServer server_;
};

class MailerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("no_proxy", "*", 1);
    certificate_ =
        key_.self_signed_certificate("localhost", "0123456789abcdef", from_epoch_seconds(946684800),
                                     from_epoch_seconds(4102444800));
    std::ofstream(ca_file_) << certificate_;
  }

  void start(MailServer::Behaviour behaviour) {
    server_ = std::make_unique<MailServer>(std::move(behaviour), certificate_,
                                           std::string(key_.to_pem().reveal()));
    options_.host = "localhost";
    options_.port = server_->port();
    options_.from = "Gatehouse <no-reply@example.com>";
    options_.extra_ca_file = ca_file_;
    options_.timeout = 20s;
  }
  [[nodiscard]] std::string send() const {
    const auto sent = make_smtp_mailer(options_)->send(mail_);
    return sent ? "" : sent.error().message;
  }

  const jose::PrivateKey key_ = jose::PrivateKey::generate_p256();
  test::TemporaryDirectory directory_;
  const std::string ca_file_ = directory_.path("ca.pem");
  std::string certificate_;
  std::unique_ptr<MailServer> server_;
  SmtpOptions options_;
  const Mail mail_{"a@example.net", "Your code", "one\n.two\n..\nend\n"};
};

TEST_F(MailerTest, WithoutTls) {
  start({});
  options_.security = MailSecurity::None;
  EXPECT_EQ("", send());
  const auto commands = server_->commands();
  EXPECT_NE(std::string::npos, commands.find("\nMAIL FROM:<no-reply@example.com>")) << commands;
  EXPECT_NE(std::string::npos, commands.find("\nRCPT TO:<a@example.net>\n")) << commands;
  EXPECT_EQ(std::string::npos, commands.find("STARTTLS"));
  const auto data = server_->data();
  EXPECT_NE(std::string::npos, data.find("\nSubject: Your code\n")) << data;
  EXPECT_NE(std::string::npos, data.find("\nMessage-ID: <")) << data;
  EXPECT_TRUE(data.ends_with("\n\none\n..two\n...\nend\n")) << "dots are doubled: " << data;
}

TEST_F(MailerTest, StartTlsWithPassword) {
  start({.offers_starttls = true, .offers_auth = true});
  options_.security = MailSecurity::StartTls;
  options_.username = "user";
  options_.password = Secret("pass");
  EXPECT_EQ("", send());
  const auto commands = server_->commands();
  EXPECT_LT(commands.find("STARTTLS"), commands.find("AUTH PLAIN")) << commands;
  EXPECT_NE(std::string::npos, server_->data().find("Your code"));
}

TEST_F(MailerTest, TlsAtOnce) {
  start({.tls_at_once = true});
  options_.security = MailSecurity::Tls;
  EXPECT_EQ("", send());
  EXPECT_NE(std::string::npos, server_->data().find("Your code"));
}

TEST_F(MailerTest, StartTlsIsDemanded) {
  start({});
  options_.security = MailSecurity::StartTls;
  const auto error = send();
  EXPECT_TRUE(error.starts_with(
      "cannot send mail through `localhost:" + std::to_string(options_.port) + "`: "))
      << error;
  EXPECT_EQ(std::string::npos, server_->commands().find("MAIL")) << "nothing in the clear";
}

TEST_F(MailerTest, UnknownIssuerIsRefused) {
  start({.offers_starttls = true});
  options_.extra_ca_file.clear();
  const auto error = send();
  EXPECT_NE(std::string::npos, error.find("SSL certificate problem")) << error;
  EXPECT_EQ(std::string::npos, server_->commands().find("MAIL"));
}

TEST_F(MailerTest, RefusedRecipient) {
  start({.rcpt_answer = "550 hush"});
  options_.security = MailSecurity::None;
  const auto error = send();
  EXPECT_TRUE(error.ends_with("RCPT failed: 550")) << error;
}

TEST_F(MailerTest, NobodyListens) {
  options_.host = "127.0.0.1";
  options_.port = test::closed_port();
  options_.from = "a@example.com";
  EXPECT_NE(std::string::npos, send().find("Failed to connect")) << send();
}

TEST_F(MailerTest, ServerThatSaysNothing) {
  const test::ScriptedServer silent([](test::Peer& peer) { peer.read_line(); });
  options_.host = "127.0.0.1";
  options_.port = silent.port();
  options_.from = "a@example.com";
  options_.timeout = 50ms;
  EXPECT_NE(std::string::npos, send().find("timed out")) << send();
}

TEST_F(MailerTest, BadMailIsNotSent) {
  start({});
  options_.security = MailSecurity::None;
  const auto sent =
      make_smtp_mailer(options_)->send({"a@example.net", "x\r\nBcc: b@example.net", "t"});
  ASSERT_FALSE(sent);
  EXPECT_EQ("the subject has control characters", sent.error().message);
  EXPECT_EQ("", server_->commands());
}

}  // namespace
}  // namespace gatehouse::net
