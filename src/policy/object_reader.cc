#include "policy/object_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/time.h"
#include "policy/nearest.h"

namespace gatehouse::policy {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), is_control);
}

}  // namespace

std::string Path::pointer() const {
  if (parent_ == nullptr) return {};
  std::string text = parent_->pointer();
  text += '/';
  if (index_ != kKey) return text + std::to_string(index_);
  for (const char c : key_) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

void Problems::add(const Path& path, std::string message) {
  if (problems_.size() < kMaxProblems) problems_.push_back({path.pointer(), std::move(message)});
}

const json::value* ObjectReader::value(std::string_view key) {
  known_.push_back(key);
  const json::value* found = json::find(object_, key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::optional<std::string> ObjectReader::text(std::string_view key, Numbers numbers) {
  const json::value* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (numbers == Numbers::Accept) {
    if (const auto* number = found->if_int64()) return std::to_string(*number);
    if (const auto* number = found->if_uint64()) return std::to_string(*number);
  }
  const auto* string = found->if_string();
  if (string == nullptr) {
    problem(key, found->is_object() || found->is_array() ? "must be text"
                                                         : "must be text: put it in quotes");
    return std::nullopt;
  }
  if (!is_one_line(*string)) {
    problem(key, "must not contain control characters or line breaks");
    return std::nullopt;
  }
  return std::string(*string);
}

std::string ObjectReader::text_or(std::string_view key, std::string_view fallback) {
  return text(key).value_or(std::string(fallback));
}

std::string ObjectReader::required_text(std::string_view key, Numbers numbers) {
  if (value(key) == nullptr) {
    problem(key, "is required");
    return {};
  }
  const auto found = text(key, numbers);
  if (found && found->empty()) problem(key, "must not be empty");
  return found.value_or("");
}

std::optional<std::string> ObjectReader::lines(std::string_view key, std::size_t most) {
  const json::value* found = value(key);
  if (found == nullptr) return std::nullopt;
  const auto* string = found->if_string();
  if (string == nullptr) {
    problem(key, "must be text");
    return std::nullopt;
  }
  std::string_view text = *string;
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (text.size() > most) {
    problem(key, fmt::format("must have at most {} bytes", most));
    return std::nullopt;
  }
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return is_control(c) && c != '\n' && c != '\r' && c != '\t'; })) {
    problem(key, "must not contain control characters");
    return std::nullopt;
  }
  return std::string(text);
}

std::string ObjectReader::one_of(std::string_view key, std::string_view fallback,
                                 std::span<const std::string_view> choices) {
  const auto found = text(key);
  if (!found) return std::string(fallback);
  if (std::find(choices.begin(), choices.end(), *found) == choices.end()) {
    problem(key, fmt::format("must be one of: {}", fmt::join(choices, ", ")));
    return std::string(fallback);
  }
  return *found;
}

bool ObjectReader::boolean(std::string_view key, bool fallback) {
  const json::value* found = value(key);
  if (found == nullptr) return fallback;
  if (const bool* flag = found->if_bool()) return *flag;
  problem(key, "must be true or false");
  return fallback;
}

std::int64_t ObjectReader::integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                                   std::int64_t most) {
  const json::value* found = value(key);
  if (found == nullptr) return fallback;
  const std::int64_t* number = found->if_int64();
  if (number == nullptr || *number < least || *number > most) {
    problem(key, fmt::format("must be a whole number from {} to {}", least, most));
    return fallback;
  }
  return *number;
}

std::optional<double> ObjectReader::number(std::string_view key) {
  const json::value* found = value(key);
  if (found == nullptr) return std::nullopt;
  boost::system::error_code error;
  const double number = found->is_number() ? found->to_number<double>(error) : std::nan("");
  if (error || !std::isfinite(number)) {
    problem(key, "must be a number");
    return std::nullopt;
  }
  return number;
}

std::optional<std::chrono::seconds> ObjectReader::duration(std::string_view key,
                                                           std::chrono::seconds least) {
  const json::value* found = value(key);
  if (found == nullptr) return std::nullopt;
  const auto* string = found->if_string();
  const auto parsed = string == nullptr ? std::nullopt : parse_duration(*string);
  if (!parsed) {
    problem(key, "must be a duration such as `24h` or `1h30m`, at most ten years");
    return std::nullopt;
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*parsed);
  if (seconds != *parsed) {
    problem(key, "must be a whole number of seconds");
    return std::nullopt;
  }
  if (seconds < least) {
    problem(key, fmt::format("must be at least `{}`", format_duration(least)));
    return std::nullopt;
  }
  return seconds;
}

const json::array* ObjectReader::list(std::string_view key) {
  const json::value* found = value(key);
  if (found == nullptr) return nullptr;
  const json::array* array = found->if_array();
  if (array == nullptr) problem(key, "must be a list");
  return array;
}

const json::object* ObjectReader::object(std::string_view key) {
  const json::value* found = value(key);
  if (found == nullptr) return nullptr;
  const json::object* object = found->if_object();
  if (object == nullptr) problem(key, "must be an object");
  return object;
}

std::vector<ObjectReader::Text> ObjectReader::texts(std::string_view key) {
  std::vector<Text> result;
  const json::array* array = list(key);
  if (array == nullptr) return result;
  const Path at(path_, key);
  for (std::size_t i = 0; i < array->size(); ++i) {
    const auto* string = (*array)[i].if_string();
    if (string == nullptr || string->empty() || !is_one_line(*string)) {
      problems_.add(Path(at, i), "must be a line of text");
    } else {
      result.push_back({i, std::string(*string)});
    }
  }
  return result;
}

void ObjectReader::known(std::initializer_list<std::string_view> keys) {
  known_.insert(known_.end(), keys);
}

void ObjectReader::problem(std::string_view key, std::string message) {
  problems_.add(Path(path_, key), std::move(message));
}

void ObjectReader::finish(std::span<const UnsupportedKey> unsupported) {
  for (const auto& member : object_) {
    const std::string_view key = member.key();
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const auto advised =
        std::find_if(unsupported.begin(), unsupported.end(),
                     [&](const UnsupportedKey& entry) { return entry.key == key; });
    if (advised != unsupported.end()) {
      problem(key, advised->advice.empty() ? "is not supported"
                                           : fmt::format("is not supported: {}", advised->advice));
      continue;
    }
    std::sort(known_.begin(), known_.end());
    known_.erase(std::unique(known_.begin(), known_.end()), known_.end());
    problem(key, "is not a known key" + suggestion(key, known_));
  }
}

}  // namespace gatehouse::policy
