#include "configuration/yaml_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/encoding.h"

namespace gatehouse::configuration {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Words that a reader of YAML 1.1 or 1.2 takes for something other than text.
bool is_word_of_yaml(std::string_view text) {
  static constexpr std::array<std::string_view, 9> kWords{"null", "true", "false", "yes", "no",
                                                          "on",   "off",  "y",     "n"};
  return std::ranges::any_of(kWords, [&](auto word) { return ascii_iequals(word, text); });
}

// Plain scalars of YAML 1.2 7.3.3, less than all of them: what cannot be misread in block style.
bool is_plain(std::string_view text) {
  if (text.empty() || text.size() > 200 || is_word_of_yaml(text)) return false;
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  // Numbers, dates and times in any spelling.
  if (text.find_first_not_of("0123456789.+-_:eExXoTZ") == std::string_view::npos) return false;
  const char first = text.front();
  const bool begins_well = is_letter(first) || (first >= '0' && first <= '9') || first == '/' ||
                           first == '^' || first == '$' || first == '(' || first == '_';
  if (!begins_well || text.ends_with(' ') || text.ends_with(':')) return false;
  if (text.starts_with("0x") || text.starts_with("0o")) return false;
  // Line and paragraph separators, byte order marks and C1 controls are invisible: quoted.
  for (const std::string_view odd : {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf", "\xc2\x85"}) {
    if (text.find(odd) != std::string_view::npos) return false;
  }
  return std::ranges::none_of(text, is_control) && text.find(": ") == std::string_view::npos &&
         text.find(" #") == std::string_view::npos;
}

// A literal block scalar keeps every character; what it cannot say is quoted.
bool is_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.ends_with("\n\n")) return false;
  if (text.front() == '\n' || text.front() == ' ' || text.front() == '\t') return false;
  if (text.find("\xef\xbb\xbf") != std::string_view::npos) return false;
  return std::ranges::none_of(text, [](char c) { return is_control(c) && c != '\n' && c != '\t'; });
}

// A JSON string is a double-quoted scalar as it stands (YAML 1.2 1.3).
std::string quoted(std::string_view text) { return json::serialize(json::value(text)); }

std::string decimal(double number) {
  std::string text = fmt::format("{}", number);
  if (text.find('.') == std::string::npos) {
    text.insert(std::min(text.find('e'), text.size()), ".0");
  }
  return text;
}

class Writer {
 public:
  // After `key:` or `-`, or at the beginning of the document.
  enum class After { Key, Dash, Nothing };

  void write(const json::value& value, std::size_t column, After after) {
    if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
      write_object(*object, column, after);
    } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
      write_array(*array, column, after);
    } else if (const auto* text = value.if_string(); text != nullptr && is_block(*text)) {
      write_block(*text, column, after);
    } else {
      if (after != After::Nothing) out_ += ' ';
      out_ += scalar(value);
      out_ += '\n';
    }
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  static std::string scalar(const json::value& value) {
    switch (value.kind()) {
      case boost::json::kind::string: {
        const std::string_view text = value.get_string();
        return is_plain(text) ? std::string(text) : quoted(text);
      }
      case boost::json::kind::double_:
        return decimal(value.get_double());
      default:
        return json::serialize(value);  // {} and [] too
    }
  }

  void write_object(const json::object& object, std::size_t column, After after) {
    if (after == After::Key) out_ += '\n';
    bool beside = after == After::Dash;
    for (const auto& member : object) {
      if (beside) {
        out_ += ' ';
      } else {
        out_.append(column, ' ');
      }
      beside = false;
      out_ += is_plain(member.key()) ? std::string(member.key()) : quoted(member.key());
      out_ += ':';
      write(member.value(), column + 2, After::Key);
    }
  }

  void write_array(const json::array& array, std::size_t column, After after) {
    if (after != After::Nothing) out_ += '\n';
    for (const auto& item : array) {
      out_.append(column, ' ');
      out_ += '-';
      write(item, column + 2, After::Dash);
    }
  }

  void write_block(std::string_view text, std::size_t column, After after) {
    if (after != After::Nothing) out_ += ' ';
    const bool ends_line = text.ends_with('\n');
    out_ += ends_line ? "|\n" : "|-\n";
    if (ends_line) text.remove_suffix(1);
    const std::size_t indentation = std::max<std::size_t>(column, 2);
    for (;;) {
      const std::size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      if (!line.empty()) out_.append(indentation, ' ').append(line);
      out_ += '\n';
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + 1);
    }
  }

  std::string out_;
};

}  // namespace

std::string write_yaml(const json::value& value) {
  Writer writer;
  writer.write(value, 0, Writer::After::Nothing);
  return writer.take();
}

}  // namespace gatehouse::configuration
