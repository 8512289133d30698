// Query parameters with a form of their own; what is wrong with one is an error response that names
// it.
#pragma once

#include <expected>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "adapters/admin_api/call.h"

namespace gatehouse::adapters::admin_api {

template <typename T>
using Asked = std::expected<std::optional<T>, net::HttpResponse>;  // nullopt: not given

[[nodiscard]] net::HttpResponse invalid_query(std::string_view name, std::string_view message);
[[nodiscard]] Asked<Instant> instant_of(const Call& call, std::string_view name);
[[nodiscard]] Asked<bool> flag_of(const Call& call, std::string_view name);
// One of these words.
[[nodiscard]] Asked<std::string> word_of(const Call& call, std::string_view name,
                                         std::initializer_list<std::string_view> words);
// From 1 on; more than `most` is an error, 0 is not given.
[[nodiscard]] Asked<std::size_t> count_of(const Call& call, std::string_view name,
                                          std::size_t most);

}  // namespace gatehouse::adapters::admin_api
