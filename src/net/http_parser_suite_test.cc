// The requests of llhttp's own tests, read where the test kit keeps them, sent to our server byte
// for byte: what a strict parser refuses never reaches a handler, and nothing that stands in a body
// becomes a request.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "base/encoding.h"
#include "base/json.h"
#include "net/http_server.h"
#include "net/test_support.h"

namespace gatehouse::net {
namespace {

// How many requests of one connection reached the handler; it ends with an answer to a broken
// request, an empty one, or the deadline.
int handled(test::RawClient& client, bool head) {
  int count = 0;
  while (const auto response = client.receive(head))
    if (response->status == 200) ++count;
  return count;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST(HttpParserSuite, WhatAStrictParserRefusesReachesNoHandler) {
  std::ifstream in(GATEHOUSE_SHARED_TESTKIT "/hostile/http1-parser.json");
  if (!in) GTEST_SKIP() << "no test kit";
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto document = json::parse(text, {.max_bytes = 8 << 20}).value();
  ServerOptions options;
  options.header_deadline = options.body_deadline = options.idle_deadline =
      std::chrono::milliseconds(300);
  const auto server = HttpServer::start(options, [](const HttpRequest&) {
                        return Route{Pool::Inline, [](const HttpRequest&) {
                                       return HttpResponse{200, {}, "handled"};
                                     }};
                      }).value();
  struct Sent {
    const json::object* test;
    std::string bytes;
    test::RawClient client;
  };
  std::vector<Sent> all;
  for (const json::value& item : document.get_array()) {
    const json::object& test = item.get_object();
    all.push_back({&test, base64_decode(*json::find_string(test, "base64")).value(),
                   test::RawClient::to_port(server->port())});
    all.back().client.send(all.back().bytes);
  }
  int refused = 0;
  int taken = 0;
  for (auto& [test, bytes, client] : all) {
    const std::string name = std::string(*json::find_string(*test, "name")) + ": " + bytes;
    const std::string_view expected = *json::find_string(*test, "strict_parser");
    const int count = handled(client, bytes.starts_with("HEAD "));
    ++(count == 0 ? refused : taken);
    EXPECT_LE(count, static_cast<int>(count_of(bytes, " HTTP/1."))) << name;
    if (expected == "accept") continue;
    // What llhttp refuses for another reason than framing: it leaves the connection to whoever
    // upgrades it, takes only the methods that it knows, and no target beyond ASCII.
    const bool pauses = expected.contains("Pause on");
    const bool method = expected.contains("method") || expected.contains("url path");
    const bool after_close = expected.contains("Data after");
    EXPECT_LE(count, pauses || method || after_close ? 1 : 0) << expected << "\n" << name;
  }
  EXPECT_EQ(all.size(), 121U);
  EXPECT_GT(refused, 60);
  EXPECT_GT(taken, 5);
}

}  // namespace
}  // namespace gatehouse::net
