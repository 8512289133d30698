#include "configuration/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <sstream>

#include "base/encoding.h"
#include "model/limits.h"

namespace gatehouse::configuration {
namespace {

int line_of(const YAML::Mark& mark) { return mark.line + 1; }

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// -?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+]?[0-9]+)?)?, which std::from_chars reads the same way.
bool is_plain_number(std::string_view text, bool& has_fraction) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  if (!all_digits(whole) || (whole.size() > 1 && whole.front() == '0')) return false;
  has_fraction = dot != std::string_view::npos;
  if (!has_fraction) return true;
  std::string_view fraction = text.substr(dot + 1);
  if (const std::size_t e = fraction.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view exponent = fraction.substr(e + 1);
    if (exponent.starts_with('-') || exponent.starts_with('+')) exponent.remove_prefix(1);
    if (!all_digits(exponent)) return false;
    fraction = fraction.substr(0, e);
  }
  return all_digits(fraction);
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// YAML 1.2 10.3.2, less what yaml.h says.
json::value resolve_plain(const std::string& text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  bool has_fraction = false;
  if (is_plain_number(text, has_fraction)) {
    if (has_fraction) {
      if (const auto number = parse_number<double>(text)) return *number;
    } else if (const auto signed_number = parse_number<std::int64_t>(text)) {
      return *signed_number;
    } else if (const auto number = parse_number<std::uint64_t>(text)) {
      return *number;
    }
  }
  return json::value(std::string_view(text));
}

// Builds the value from the parser's events. Stops the parser by throwing its own kind of
// exception, which parse_yaml catches with the parser's.
class Builder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_) fail(mark, "must hold one document only");
    started_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_as_key(mark);
    charge(mark, 1, 0);
    add(mark, json::value(), {line_of(mark), {}}, anchor, 1, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const bool is_plain = tag == "?";
    if (!is_plain && tag != "!" && tag != "tag:yaml.org,2002:str") refuse_tag(mark, tag);
    charge(mark, 1, text.size());
    if (expects_key()) {
      frames_.back().key = text;
      frames_.back().key_line = line_of(mark);
      return;
    }
    add(mark, is_plain ? resolve_plain(text) : json::value(std::string_view(text)),
        {line_of(mark), {}}, anchor, 1, text.size());
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_as_key(mark);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(mark, "an alias must not stand inside its own anchor");
    const Anchored& anchored = found->second;
    charge(mark, anchored.values, anchored.bytes);
    LineTree lines = anchored.lines;
    lines.line = line_of(mark);
    add(mark, anchored.value, std::move(lines), 0, 0, 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, json::object());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  YamlDocument take() { return {std::move(root_), std::move(root_lines_)}; }
  [[nodiscard]] std::vector<YamlProblem> take_problems() { return std::move(problems_); }
  [[nodiscard]] std::string field() const {
    std::string text;
    for (const Frame& frame : frames_) {
      if (frame.value.is_array()) {
        append_index(text, frame.value.get_array().size());
      } else if (frame.key) {
        append_key(text, *frame.key);
      }
    }
    return text;
  }

 private:
  struct Frame {
    YAML::Mark mark;
    json::value value;  // an object or an array
    LineTree lines;
    std::optional<std::string> key;  // read, its value not yet
    int key_line = 0;
    YAML::anchor_t anchor = 0;
    std::size_t values_before = 0;
    std::size_t bytes_before = 0;
  };
  struct Anchored {
    json::value value;
    LineTree lines;
    std::size_t values;
    std::size_t bytes;
  };

  [[noreturn]] static void fail(const YAML::Mark& mark, const std::string& message) {
    throw YAML::ParserException(mark, message);
  }
  [[noreturn]] static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    fail(mark, fmt::format("tags such as `{}` are not supported", tag.substr(0, 64)));
  }

  [[nodiscard]] bool expects_key() const {
    return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().key;
  }
  void refuse_as_key(const YAML::Mark& mark) const {
    if (expects_key()) fail(mark, "a key must be text");
  }

  // INVARIANT: memory is bounded by these counts whatever anchors and aliases do; they are charged
  // before anything is copied.
  void charge(const YAML::Mark& mark, std::size_t values, std::size_t bytes) {
    values_ += values;
    bytes_ += bytes;
    if (values_ > kMaxYamlValues || bytes_ > 2 * model::kMaxConfigurationBytes) {
      fail(mark, "is too large, or its aliases expand to too much");
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            json::value container) {
    refuse_as_key(mark);
    if (tag != "?" && tag != "!" && !tag.empty()) refuse_tag(mark, tag);
    if (frames_.size() >= kMaxYamlDepth) {
      fail(mark, fmt::format("nests more than {} deep", kMaxYamlDepth));
    }
    charge(mark, 1, 0);
    Frame frame;
    frame.mark = mark;
    frame.value = std::move(container);
    frame.lines.line = line_of(mark);
    frame.anchor = anchor;
    frame.values_before = values_ - 1;
    frame.bytes_before = bytes_;
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    add(frame.mark, std::move(frame.value), std::move(frame.lines), frame.anchor,
        values_ - frame.values_before, bytes_ - frame.bytes_before);
  }

  // `values` and `bytes` are what the value has been charged for.
  void add(const YAML::Mark& mark, json::value value, LineTree lines, YAML::anchor_t anchor,
           std::size_t values, std::size_t bytes) {
    if (anchor != 0) {
      charge(mark, values, bytes);
      anchors_.insert_or_assign(anchor, Anchored{value, lines, values, bytes});
    }
    if (frames_.empty()) {
      root_ = std::move(value);
      root_lines_ = std::move(lines);
      return;
    }
    Frame& parent = frames_.back();
    if (json::array* array = parent.value.if_array()) {
      array->push_back(std::move(value));
      parent.lines.children.push_back(std::move(lines));
      return;
    }
    json::object& object = parent.value.get_object();
    lines.line = parent.key_line;
    if (object.contains(*parent.key)) {
      problems_.push_back({parent.key_line, field(), "is a duplicate key"});
    } else {
      object.emplace(*parent.key, std::move(value));
      parent.lines.children.push_back(std::move(lines));
    }
    parent.key.reset();
  }

  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::vector<YamlProblem> problems_;
  json::value root_;
  LineTree root_lines_;
  std::size_t values_ = 0;
  std::size_t bytes_ = 0;
  bool started_ = false;
};

std::string unescape_token(std::string_view token) {
  std::string key;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size()) {
      key += token[++i] == '1' ? '/' : '~';
    } else {
      key += token[i];
    }
  }
  return key;
}

}  // namespace

std::expected<YamlDocument, std::vector<YamlProblem>> parse_yaml(std::string_view text) {
  const auto refuse = [](int line, std::string field, std::string message) {
    return std::unexpected(std::vector<YamlProblem>{{line, std::move(field), std::move(message)}});
  };
  if (text.size() > model::kMaxConfigurationBytes) {
    return refuse(
        0, "",
        fmt::format("must have at most {} MiB", model::kMaxConfigurationBytes / (1024 * 1024)));
  }
  // The parser would take other encodings when it sees zero bytes, and no caller has checked them.
  if (!is_valid_utf8(text) || text.find('\0') != std::string_view::npos) {
    return refuse(0, "", "must be UTF-8 text");
  }
  Builder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    auto problems = builder.take_problems();
    problems.push_back({line_of(error.mark), builder.field(), error.msg});
    return std::unexpected(std::move(problems));
  }
  if (auto problems = builder.take_problems(); !problems.empty()) {
    return std::unexpected(std::move(problems));
  }
  return builder.take();
}

void append_key(std::string& field, std::string_view key) {
  const bool is_plain = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  if (is_plain) {
    if (!field.empty()) field += '.';
    field += key;
  } else {
    field += fmt::format("[{}]", json::serialize(json::value(key)));
  }
}

void append_index(std::string& field, std::size_t index) { field += fmt::format("[{}]", index); }

Position locate(const YamlDocument& document, std::string_view pointer) {
  Position position;
  const json::value* value = &document.value;
  const LineTree* lines = &document.lines;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);  // the slash
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string token = unescape_token(pointer.substr(0, end));
    pointer.remove_prefix(end);
    std::optional<std::size_t> child;
    if (const json::array* array = value == nullptr ? nullptr : value->if_array()) {
      const auto index = parse_number<std::size_t>(token);
      append_index(position.field, index.value_or(0));
      if (index && *index < array->size()) child = *index;
      if (child) value = &(*array)[*child];
    } else {
      append_key(position.field, token);
      const json::object* object = value == nullptr ? nullptr : value->if_object();
      if (object != nullptr) {
        if (const auto member = object->find(token); member != object->end()) {
          child = static_cast<std::size_t>(member - object->begin());
          value = &member->value();
        }
      }
    }
    if (!child || lines == nullptr || *child >= lines->children.size()) {
      value = nullptr;
      lines = nullptr;
      continue;
    }
    lines = &lines->children[*child];
    position.line = lines->line;
  }
  return position;
}

}  // namespace gatehouse::configuration
