#include "adapters/dashboard/web_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "crypto/digest.h"
#include "platform/file.h"

namespace gatehouse::adapters {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndex = "/index.html";
constexpr std::string_view kAssets = "/assets/";
constexpr std::size_t kTagDigits = 32;

constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kTypes{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".wasm", "application/wasm"},
    {".txt", "text/plain; charset=utf-8"},
}};

std::string_view type_of(std::string_view path) {
  for (const auto& [ending, type] : kTypes)
    if (path.ends_with(ending)) return type;
  return "application/octet-stream";
}

// Without markup that the policy below would refuse.
net::HttpResponse text(int status, std::string_view message) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
          std::string(message) + "\n"};
}

// RFC 9110 12.5.3: named, and not with a quality of 0.
bool accepts(const net::HttpRequest& request, std::string_view coding) {
  for (const auto& [name, value] : request.headers) {
    if (!ascii_iequals(name, "Accept-Encoding")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      const std::string_view item = rest.substr(0, comma);
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
      const auto semicolon = item.find(';');
      if (!ascii_iequals(trim(item.substr(0, semicolon)), coding)) continue;
      if (semicolon == std::string_view::npos) return true;
      const std::string quality = ascii_lower(trim(item.substr(semicolon + 1)));
      return quality.find_first_not_of("q=0. ") != std::string::npos;
    }
  }
  return false;
}

// RFC 9110 13.1.2: any of the tags, weak or not.
bool matches(const net::HttpRequest& request, std::string_view tag) {
  const auto wanted = request.header("If-None-Match");
  return wanted && wanted->find(tag) != std::string_view::npos;
}

bool is_looked_at(const net::HttpRequest& request) {
  if (const auto destination = request.header("Sec-Fetch-Dest")) return *destination == "document";
  const auto accept = request.header("Accept");
  return accept && accept->find("text/html") != std::string_view::npos;
}

}  // namespace

void add_page_protection(net::HttpResponse& response) {
  const auto add = [&](std::string_view name, std::string_view value) {
    const auto is_there = [&](const auto& header) { return ascii_iequals(header.first, name); };
    if (std::ranges::none_of(response.headers, is_there))
      response.headers.emplace_back(name, value);
  };
  add("Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
      "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
      "frame-ancestors 'none'; manifest-src 'self'");
  add("Referrer-Policy", "no-referrer");
  add("X-Content-Type-Options", "nosniff");
  add("Cross-Origin-Opener-Policy", "same-origin-allow-popups");
  add("Cross-Origin-Resource-Policy", "same-origin");
  add("Permissions-Policy",
      "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), "
      "magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()");
}

std::expected<std::shared_ptr<const WebFiles>, std::string> WebFiles::read(
    const fs::path& directory) {
  std::error_code error;
  if (!fs::is_regular_file(directory / "index.html", error))
    return std::unexpected(fmt::format("there is no `{}`", (directory / "index.html").string()));
  std::map<std::string, std::string> contents;
  std::size_t bytes = 0;
  for (auto entry = fs::recursive_directory_iterator(directory, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (!entry->is_regular_file(error) || error) continue;
    auto content = read_file(entry->path(), kMaxWebBytes);
    if (!content) return std::unexpected(content.error().message);
    bytes += content->size();
    if (bytes > kMaxWebBytes || contents.size() == kMaxWebFiles) {
      return std::unexpected(fmt::format("`{}` holds more than {} MiB or {} files",
                                         directory.string(), kMaxWebBytes >> 20, kMaxWebFiles));
    }
    contents.emplace("/" + fs::relative(entry->path(), directory).generic_string(),
                     std::move(*content));
  }
  if (error)
    return std::unexpected(
        fmt::format("cannot read `{}`: {}", directory.string(), error.message()));
  auto files = std::make_shared<WebFiles>();
  for (auto& [path, content] : contents) {
    if (path.ends_with(".br") || path.ends_with(".gz")) continue;
    File file{.type = type_of(path),
              .tag = hex_encode(crypto::sha256(content)).substr(0, kTagDigits),
              .bodies = {}};
    const auto take = [&](std::string_view ending, Coding coding) {
      const auto found = contents.find(path + std::string(ending));
      if (found != contents.end()) file.bodies.emplace(coding, std::move(found->second));
    };
    take(".br", Coding::Brotli);
    take(".gz", Coding::Gzip);
    file.bodies.emplace(Coding::Identity, std::move(content));
    files->files_.emplace(path, std::move(file));
  }
  return files;
}

WebFiles::Coding WebFiles::coding_for(const net::HttpRequest& request, const File& file) {
  if (file.bodies.contains(Coding::Brotli) && accepts(request, "br")) return Coding::Brotli;
  if (file.bodies.contains(Coding::Gzip) && accepts(request, "gzip")) return Coding::Gzip;
  return Coding::Identity;
}

net::HttpResponse WebFiles::answer(const net::HttpRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    auto response = text(405, "method not allowed");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  const std::string_view path = request.path;
  auto found = files_.find(path);
  if (found == files_.end()) {
    const bool has_ending = path.find('.', path.rfind('/') + 1) != std::string_view::npos;
    if (path.starts_with(kAssets) || (has_ending && !is_looked_at(request)))
      return text(404, "there is no such file");
    found = files_.find(kIndex);
  }
  const File& file = found->second;
  const Coding coding = coding_for(request, file);
  static constexpr std::array<std::string_view, 3> kEndings{"", "-br", "-gz"};
  const std::string tag =
      fmt::format("\"{}{}\"", file.tag, kEndings[static_cast<std::size_t>(coding)]);
  net::HttpResponse response;
  response.headers = {
      {"Cache-Control",
       found->first.starts_with(kAssets) ? "private, max-age=31536000, immutable" : "no-cache"},
      {"ETag", tag},
      {"Vary", "Accept-Encoding"}};
  if (matches(request, tag)) {
    response.status = 304;
    return response;
  }
  response.headers.emplace_back("Content-Type", file.type);
  if (coding == Coding::Brotli) response.headers.emplace_back("Content-Encoding", "br");
  if (coding == Coding::Gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = file.bodies.at(coding);
  return response;
}

}  // namespace gatehouse::adapters
