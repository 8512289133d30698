// The files of the dashboard, as tools/web builds them: read once, answered from memory. Immutable,
// thread-safe. Names below `assets/` carry a digest of their content; beside a file may stand
// `.br` and `.gz`, the same compressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"

namespace gatehouse::adapters {

inline constexpr std::size_t kMaxWebBytes = std::size_t{32} << 20;  // of all of them
inline constexpr std::size_t kMaxWebFiles = 4096;

class WebFiles {
 public:
  // Errors say what is wrong with the directory: "there is no `/x/index.html`".
  [[nodiscard]] static std::expected<std::shared_ptr<const WebFiles>, std::string> read(
      const std::filesystem::path& directory);

  // Of GET and HEAD. A path that is no file and that a person looks at is a page of the dashboard,
  // which index.html shows.
  [[nodiscard]] net::HttpResponse answer(const net::HttpRequest& request) const;

 private:
  enum class Coding : std::uint8_t { Identity, Brotli, Gzip };
  struct File {
    std::string_view type;
    std::string tag;  // hex
    std::map<Coding, std::string> bodies;
  };

  [[nodiscard]] static Coding coding_for(const net::HttpRequest& request, const File& file);

  std::map<std::string, File, std::less<>> files_;  // by path: /assets/x.js
};

// What stands in every answer of the dashboard's host.
void add_page_protection(net::HttpResponse& response);

}  // namespace gatehouse::adapters
