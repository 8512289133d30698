#include "adapters/dashboard/web_files.h"

#include <gtest/gtest.h>

#include <fstream>

#include "controlplane/test_support.h"

namespace gatehouse::adapters {
namespace {

namespace fs = std::filesystem;

class WebFilesTest : public testing::Test {
 protected:
  void write(const std::string& path, std::string_view content) {
    const fs::path file = directory_.path() / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }
  void SetUp() override {
    write("index.html", "<!doctype html>");
    write("index.html.gz", "index, gzip");
    write("icon.svg", "<svg/>");
    write("assets/main-abc.js", "script");
    write("assets/main-abc.js.gz", "script, gzip");
    write("assets/main-abc.js.br", "script, brotli");
  }
  std::shared_ptr<const WebFiles> files() { return WebFiles::read(directory_.path()).value(); }
  static net::HttpRequest request(std::string path, net::Headers headers = {},
                                  std::string method = "GET") {
    net::HttpRequest request;
    request.method = std::move(method);
    request.target = path;
    request.path = std::move(path);
    request.headers = std::move(headers);
    return request;
  }
  static std::string header(const net::HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return {};
  }

  controlplane::test::TemporaryDirectory directory_;
};

TEST_F(WebFilesTest, FilesAndDeepLinks) {
  const net::Headers page{{"Sec-Fetch-Dest", "document"}};
  const net::Headers old_browser{{"Accept", "text/html,*/*"}};
  const net::Headers image{{"Sec-Fetch-Dest", "image"}, {"Accept", "text/html"}};
  const struct {
    const char* path;
    net::Headers headers;
    int status;
    const char* body;
    const char* type;
    const char* caching;
  } cases[] = {
      {"/", {}, 200, "<!doctype html>", "text/html; charset=utf-8", "no-cache"},
      {"/index.html", {}, 200, "<!doctype html>", "text/html; charset=utf-8", "no-cache"},
      {"/access/apps", {}, 200, "<!doctype html>", "text/html; charset=utf-8", "no-cache"},
      {"/a.b/users", {}, 200, "<!doctype html>", "text/html; charset=utf-8", "no-cache"},
      {"/users/ada@example.com", page, 200, "<!doctype html>", "text/html; charset=utf-8",
       "no-cache"},
      {"/users/ada@example.com", old_browser, 200, "<!doctype html>", "text/html; charset=utf-8",
       "no-cache"},
      {"/icon.svg", {}, 200, "<svg/>", "image/svg+xml", "no-cache"},
      {"/assets/main-abc.js",
       {},
       200,
       "script",
       "text/javascript; charset=utf-8",
       "private, max-age=31536000, immutable"},
      {"/assets/gone.js", page, 404, "there is no such file\n", "text/plain; charset=utf-8",
       "no-store"},
      {"/assets/gone", page, 404, "there is no such file\n", "text/plain; charset=utf-8",
       "no-store"},
      {"/favicon.ico", {}, 404, "there is no such file\n", "text/plain; charset=utf-8", "no-store"},
      {"/gone.svg", image, 404, "there is no such file\n", "text/plain; charset=utf-8", "no-store"},
      {"/icon.svg.gz", {}, 404, "there is no such file\n", "text/plain; charset=utf-8", "no-store"},
      {"/index.html.gz",
       {},
       404,
       "there is no such file\n",
       "text/plain; charset=utf-8",
       "no-store"},
      {"/assets/../../secret",
       {},
       404,
       "there is no such file\n",
       "text/plain; charset=utf-8",
       "no-store"},
  };
  const auto read = files();
  for (const auto& test : cases) {
    const auto response = read->answer(request(test.path, test.headers));
    EXPECT_EQ(response.status, test.status) << test.path;
    EXPECT_EQ(response.body, test.body) << test.path;
    EXPECT_EQ(header(response, "Content-Type"), test.type) << test.path;
    EXPECT_EQ(header(response, "Cache-Control"), test.caching) << test.path;
  }
  EXPECT_EQ(read->answer(request("/", {}, "POST")).status, 405);
  EXPECT_EQ(read->answer(request("/", {}, "HEAD")).status, 200);
}

TEST_F(WebFilesTest, Compressed) {
  const struct {
    const char* path;
    const char* accepted;
    const char* coding;
  } cases[] = {
      {"/assets/main-abc.js", "gzip, deflate, br", "br"},
      {"/assets/main-abc.js", "gzip, br;q=0", "gzip"},
      {"/assets/main-abc.js", "br;q=0.0, gzip;q=0.000", ""},
      {"/assets/main-abc.js", "GZIP;q=0.5", "gzip"},
      {"/assets/main-abc.js", "x-br, identity", ""},
      {"/assets/main-abc.js", "", ""},
      {"/", "gzip, deflate, br", "gzip"},
      {"/icon.svg", "gzip, br", ""},
  };
  const auto read = files();
  std::map<std::string, std::string> tags;
  for (const auto& test : cases) {
    const auto response = read->answer(request(test.path, {{"Accept-Encoding", test.accepted}}));
    EXPECT_EQ(header(response, "Content-Encoding"), test.coding) << test.accepted;
    EXPECT_EQ(header(response, "Vary"), "Accept-Encoding");
    const auto tag = header(response, "ETag");
    const auto [known, is_new] = tags.emplace(tag, response.body);
    EXPECT_EQ(known->second, response.body) << "one tag, two bodies";
    const auto again = read->answer(
        request(test.path, {{"Accept-Encoding", test.accepted}, {"If-None-Match", tag}}));
    EXPECT_EQ(again.status, 304) << test.path;
    EXPECT_EQ(again.body, "");
    EXPECT_EQ(header(again, "ETag"), tag);
  }
  EXPECT_EQ(read->answer(request("/", {{"If-None-Match", "\"other\""}})).status, 200);
}

TEST_F(WebFilesTest, WhatCannotBeServedIsSaid) {
  EXPECT_NE(WebFiles::read("/nowhere/at/all").error().find("/nowhere/at/all/index.html"),
            std::string::npos);
  write("assets/large.js", "");
  fs::resize_file(directory_.path() / "assets/large.js", kMaxWebBytes);
  EXPECT_NE(WebFiles::read(directory_.path()).error().find("32 MiB"), std::string::npos);
}

TEST(PageProtection, NothingRunsButOurFiles) {
  net::HttpResponse response{200, {{"Referrer-Policy", "same-origin"}}, ""};
  add_page_protection(response);
  std::map<std::string, std::string> headers(response.headers.begin(), response.headers.end());
  const auto& policy = headers["Content-Security-Policy"];
  EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(headers["Referrer-Policy"], "same-origin") << "what was said before stays";
  EXPECT_EQ(headers["X-Content-Type-Options"], "nosniff");
  EXPECT_EQ(headers["Cross-Origin-Resource-Policy"], "same-origin");
}

}  // namespace
}  // namespace gatehouse::adapters
