#include "storage/soci/soci_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/try.h"
#include "storage/soci/migrations.h"

namespace gatehouse::storage {
namespace {

constexpr std::size_t kMaxIndexed = 1000;
constexpr int kMaxAttempts = 8;
// A database that restarts comes back within this.
constexpr std::chrono::milliseconds kReconnectPatience{3000};
constexpr std::chrono::milliseconds kFirstPause{25};

}  // namespace

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (std::size_t found = 0; (found = text.find(from)) != std::string_view::npos;) {
    result.append(text.substr(0, found)).append(to);
    text.remove_prefix(found + from.size());
  }
  return result.append(text);
}

std::string text(std::string_view given) {
  if (given.find('\0') != std::string_view::npos || !is_valid_utf8(given)) throw NotText();
  return std::string(given);
}

std::string mended_text(std::string_view given) {
  if (given.find('\0') == std::string_view::npos && is_valid_utf8(given)) return std::string(given);
  std::string mended;
  while (!given.empty()) {
    // The longest prefix that is one character: at most four bytes.
    std::size_t length = 1;
    while (length < 4 && length < given.size() && !is_valid_utf8(given.substr(0, length))) ++length;
    if (given.front() != '\0' && is_valid_utf8(given.substr(0, length))) {
      mended.append(given.substr(0, length));
    } else {
      mended += "\xef\xbf\xbd";
      length = 1;
    }
    given.remove_prefix(length);
  }
  return mended;
}

std::string indexed_text(std::string_view given) {
  return mended_text(given.substr(0, kMaxIndexed));
}

std::string decoded(const std::string& column) {
  auto bytes = base64_decode(column);
  if (!bytes) throw GivenUp("stored bytes are not base64");
  return std::move(*bytes);
}

std::string like_pattern(std::string_view part) {
  std::string pattern = "%";
  for (const char c : ascii_lower(text(part))) {
    if (c == '%' || c == '_' || c == '!') pattern += '!';
    pattern += c;
  }
  return pattern + '%';
}

long long row_count(std::size_t given) {
  constexpr std::size_t kMost = 1'000'000'000'000;
  return static_cast<long long>(std::min(given, kMost));
}

std::string Conditions::place(std::string_view sql) {
  const std::string name = fmt::format("c{}", count_++);
  sql_ += fmt::format("{}{}", sql_.empty() ? " WHERE " : " AND ",
                      replaced(sql, "?", fmt::format(":{}", name)));
  return name;
}
void Conditions::add(std::string_view sql, std::string value) {
  texts_.emplace_back(place(sql), std::move(value));
}
void Conditions::add(std::string_view sql, long long value) {
  numbers_.emplace_back(place(sql), value);
}
void Conditions::add_any(std::string_view column, std::span<const std::string> values) {
  if (values.empty()) return;
  std::string list;
  for (const std::string& value : values) {
    texts_.emplace_back(fmt::format("c{}", count_++), text(value));
    list += fmt::format("{}:{}", list.empty() ? "" : ", ", texts_.back().first);
  }
  sql_ += fmt::format("{}{} IN ({})", sql_.empty() ? " WHERE " : " AND ", column, list);
}
std::string Conditions::where() const { return sql_; }
void Conditions::bind(soci::statement& statement) {
  for (const auto& [name, value] : texts_) statement.exchange(soci::use(value, name));
  for (const auto& [name, value] : numbers_) statement.exchange(soci::use(value, name));
}

std::size_t count_rows(soci::session& sql, std::string_view table, Conditions& conditions) {
  long long count = 0;
  soci::statement statement(sql);
  conditions.bind(statement);
  statement.exchange(soci::into(count));
  statement.alloc();
  statement.prepare(fmt::format("SELECT COUNT(*) FROM {}{}", table, conditions.where()),
                    soci::details::st_one_time_query);
  statement.define_and_bind();
  statement.execute(true);
  return static_cast<std::size_t>(count);
}

StoreError SociStore::error(std::string_view task, std::string_view cause) const {
  return {fmt::format("store `{}`: cannot {}: {}", engine_->url(), task, cause)};
}
StoreError SociStore::open_error(std::string_view cause) const {
  return {fmt::format("cannot open store `{}`: {}", engine_->url(), cause)};
}

Result<void> SociStore::open() {
  const auto opened = [this]() -> std::expected<void, std::string> {
    GATEHOUSE_TRY_VOID(engine_->open_writers());
    soci::session& writer = engine_->sessions(Access::Write).at(0);
    // Before anything is changed, so that a database that is not ours stays as it is.
    static_cast<void>(GATEHOUSE_TRY(schema_version(writer, *engine_)));
    GATEHOUSE_TRY_VOID(engine_->prepare());
    Transaction transaction(*engine_, writer, Access::Write);
    engine_->lock_schema(writer);
    GATEHOUSE_TRY_VOID(migrate(writer, *engine_));
    transaction.commit();
    engine_->open_readers();
    return {};
  };
  try {
    if (const auto result = opened(); !result) return std::unexpected(open_error(result.error()));
    return {};
  } catch (const GivenUp& failure) {
    return std::unexpected(open_error(failure.get_error_message()));
  } catch (const soci::soci_error& failure) {
    return std::unexpected(open_error(engine_->words(failure)));
  }
}

bool SociStore::recover(const soci::soci_error& failure, soci::session& sql, int attempt,
                        bool committing) {
  switch (engine_->fault(failure, sql)) {
    case Fault::Lasting:
      return false;
    case Fault::Conflict:
      return attempt < kMaxAttempts;
    case Fault::Disconnected:
      // A transaction whose commit got no answer may be done: to repeat it could do it twice.
      return reconnect(sql) && !committing && attempt < kMaxAttempts;
  }
  return false;
}

bool SociStore::reconnect(soci::session& sql) {
  const auto give_up = std::chrono::steady_clock::now() + kReconnectPatience;
  const bool patient = !unreachable_;
  for (auto pause = kFirstPause;; pause *= 2) {
    try {
      engine_->reconnect(sql);
      unreachable_ = false;
      return true;
    } catch (const soci::soci_error&) {
      if (!patient || std::chrono::steady_clock::now() + pause > give_up) {
        unreachable_ = true;
        return false;
      }
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace gatehouse::storage
