// The lines of a log that LogRotation keeps, over all its files: FILE, FILE.1, ... up to
// FILE.<files - 1>, from the newest on or from a position on.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/descriptor.h"

namespace gatehouse::dataplane {

// Between two lines. A file is known by the digest of its first line, whatever its name is by now.
struct LogPosition {
  std::string file;  // 16 hex; empty: before everything
  std::uint64_t offset = 0;
  bool operator==(const LogPosition&) const = default;
};

// All files as they are now. A rotation meanwhile neither repeats nor loses what was there. A line
// counts once it has its end; one that is written to a file after the next one was begun may be
// passed over. Not thread-safe.
class LogFiles {
 public:
  LogFiles(const std::filesystem::path& file, unsigned files);

  // Behind the last line.
  [[nodiscard]] LogPosition end() const;

  // Line by line towards the oldest.
  class Backward {
   public:
    // From `before` on; nullopt: from the end. A position whose file is gone: nothing is left.
    Backward(const LogFiles& files, const std::optional<LogPosition>& before);
    // The next older line, without its end; nullopt: there is none. Borrowed until the next call.
    [[nodiscard]] std::optional<std::string_view> next();
    // Where the line that was given out last begins.
    [[nodiscard]] LogPosition position() const;
    [[nodiscard]] std::uint64_t bytes_read() const { return bytes_; }

   private:
    [[nodiscard]] bool open_older();

    const LogFiles& files_;
    std::size_t file_ = 0;     // in files_, newest first
    std::uint64_t begin_ = 0;  // of rest_, in the file
    std::string rest_;         // what has been read and not been given out
    std::string line_;
    std::uint64_t start_ = 0;  // of the line that was given out
    std::size_t given_ = 0;    // its file
    std::uint64_t bytes_ = 0;
  };

  // Calls `line` with each line behind `after` (whose file is gone: from the oldest on), oldest
  // first, until it answers false or about `max_bytes` have been read. Answers the position behind
  // the last line for which it answered true.
  [[nodiscard]] LogPosition read_after(const LogPosition& after, std::uint64_t max_bytes,
                                       const std::function<bool(std::string_view)>& line) const;

 private:
  struct Opened {
    Descriptor descriptor;
    std::uint64_t size = 0;  // up to the end of the last line
    std::string name;        // of LogPosition; empty: it has no line yet
  };
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;

  std::vector<Opened> opened_;  // newest first
};

}  // namespace gatehouse::dataplane
