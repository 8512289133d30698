// What the selector kinds share: reading the fields of authored values, with errors that name the
// field and what was expected.
#pragma once

#include <algorithm>
#include <expected>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "decision/matcher.h"
#include "decision/path_index.h"
#include "decision/rules.h"

namespace gatehouse::selectors {

using Compiled = std::expected<std::unique_ptr<const decision::Matcher>, decision::SelectorError>;
using Values = std::span<const json::object* const>;
using TextSet = std::unordered_set<std::string, decision::TextHash, std::equal_to<>>;

// Reads `field` of every value as text and lets `read` turn it into what the matcher needs; nullopt
// from `read` is the error "<field> `expected`". Fields other than `field` and `also_known` are
// errors, and so is an absent field or one that is not text.
template <typename Read>
[[nodiscard]] auto read_values(Values values, std::string_view field, std::string_view expected,
                               Read read, std::initializer_list<std::string_view> also_known = {})
    -> std::expected<std::vector<typename std::invoke_result_t<Read, std::string_view>::value_type>,
                     decision::SelectorError> {
  std::vector<typename std::invoke_result_t<Read, std::string_view>::value_type> made;
  for (std::size_t index = 0; index < values.size(); ++index) {
    for (const auto& member : *values[index]) {
      const std::string_view key = member.key();
      if (key != field && std::ranges::find(also_known, key) == also_known.end())
        return std::unexpected(
            decision::SelectorError{index, std::string(key), "is not a field of this selector"});
    }
    const auto text = json::find_string(*values[index], field);
    auto value = text ? read(*text) : std::nullopt;
    if (!value)
      return std::unexpected(
          decision::SelectorError{index, std::string(field), std::string(expected)});
    made.push_back(*std::move(value));
  }
  return made;
}

// One authored value of several text fields.
class ValueReader {
 public:
  // `index` is the value's place in its list, for errors. Borrows `value`.
  ValueReader(const json::object& value, std::size_t index) : value_(value), index_(index) {}
  // Any other field is an error.
  [[nodiscard]] std::expected<void, decision::SelectorError> only(
      std::initializer_list<std::string_view> fields) const;
  // Text that is not empty; absent or anything else is the error "<field> `expected`".
  [[nodiscard]] std::expected<std::string, decision::SelectorError> text(
      std::string_view field, std::string_view expected) const;
  // Likewise, but it may be absent.
  [[nodiscard]] std::expected<std::optional<std::string>, decision::SelectorError> optional_text(
      std::string_view field, std::string_view expected) const;
  // `identity_provider_id`: the id of the provider.
  [[nodiscard]] std::expected<std::string, decision::SelectorError> identity_provider(
      const decision::CompileContext& context) const;
  [[nodiscard]] decision::SelectorError error(std::string_view field,
                                              std::string_view message) const;

 private:
  const json::object& value_;
  std::size_t index_;
};

// What `ask` says of each part, combined. `parts` is not empty.
template <typename Part, typename Ask>
[[nodiscard]] decision::Match combine_matches(const std::vector<Part>& parts,
                                              decision::Combine combine, Ask ask) {
  decision::Match match = ask(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (combine == decision::Combine::Any && match.truth == decision::Truth::True) break;
    const decision::Match next = ask(parts[i]);
    match = combine == decision::Combine::Any ? match_or(match, next) : match_and(match, next);
  }
  return match;
}

// What a selector that looks at the person saw: `value` and when they signed in, or nobody.
template <typename Value>
[[nodiscard]] decision::Observation observe_person(const decision::Evidence& evidence,
                                                   Value value) {
  if (evidence.session == nullptr) return {"nobody signed in", {}};
  const model::Identity& identity = evidence.session->identity;
  return {value(identity), identity.authenticated_at};
}
[[nodiscard]] std::string observed_email(const model::Identity& identity);
// `pwd, mfa`, or `none` when there is none.
[[nodiscard]] std::string observed_list(const std::vector<std::string>& values,
                                        std::string_view none);
// `1 group`, `3 groups`.
[[nodiscard]] std::string observed_count(std::size_t count, std::string_view singular);

// `email is `a@b.c``, `email is one of 3 addresses`, `... is each of 2 ...`.
[[nodiscard]] std::string describe_values(std::string_view subject, std::string_view plural,
                                          decision::Combine combine,
                                          const std::vector<std::string>& values);

// A property that has one value at a time, compared with a list: one of them is enough for Any, and
// All holds only when the list says one and the same value throughout. At most one hash look-up.
class OneOf {
 public:
  OneOf(std::string_view subject, std::string_view plural, decision::Combine combine,
        std::vector<std::string> values);
  [[nodiscard]] bool holds(std::string_view value) const {
    if (!satisfiable_) return false;
    if (!many_.empty()) return many_.contains(value);
    return std::ranges::find(few_, value) != few_.end();
  }
  [[nodiscard]] const std::string& description() const { return description_; }

 private:
  std::string description_;
  // One of the two is empty: comparing with a few texts costs less than a hash.
  std::vector<std::string> few_;
  TextSet many_;
  bool satisfiable_ = false;
};

}  // namespace gatehouse::selectors
