// Backup and restore: every table that is not bookkeeping, row by row, the same for both engines.
#include <fmt/format.h>

#include <algorithm>
#include <istream>
#include <map>
#include <ostream>

#include "base/try.h"
#include "storage/soci/migrations.h"
#include "storage/soci/soci_store.h"

namespace gatehouse::storage {

using soci::into;
using soci::use;

namespace {

constexpr std::string_view kHead = "gatehouse_store";
constexpr int kRowsAtOnce = 200;
constexpr std::size_t kMaxLine = 256 << 20;
constexpr json::ParseLimits kLine{kMaxLine, 8};

enum class Kind : std::uint8_t { Text, Number, OptionalNumber };
struct Column {
  std::string_view name;
  Kind kind = Kind::Text;
};
struct Table {
  std::string_view name;
  std::vector<Column> columns;
  // What makes a row's place: `serial`, which every database makes for itself, or columns.
  std::vector<Column> order;
};

const std::vector<Table>& tables() {
  constexpr auto number = [](std::string_view name) { return Column{name, Kind::Number}; };
  constexpr auto optional = [](std::string_view name) {
    return Column{name, Kind::OptionalNumber};
  };
  constexpr auto as_text = [](std::string_view name) { return Column{name, Kind::Text}; };
  static const std::vector<Column> kSerial{number("serial")};
  static const std::vector<Table> kTables{
      {"installation", {as_text("key"), as_text("value")}, {as_text("key")}},
      {"resource_state",
       {number("id"), number("sequence"), as_text("applied_file")},
       {number("id")}},
      {"resources",
       {as_text("kind"), as_text("id"), as_text("document"), as_text("sealed_secrets"),
        as_text("origin"), number("created_at"), number("updated_at")},
       kSerial},
      {"users",
       {as_text("id"), as_text("email"), as_text("name"), number("created_at"),
        optional("last_login_at"), number("updated_at"), as_text("identity")},
       {as_text("id")}},
      {"sessions",
       {as_text("nonce"), as_text("user_id"), number("expires_at"), number("ended"),
        as_text("document")},
       {as_text("nonce")}},
      {"revocations",
       {as_text("kind"), as_text("key"), number("issued_before"), optional("expires_at")},
       {as_text("kind"), as_text("key")}},
      {"consumed", {as_text("id"), number("expires_at")}, {as_text("id")}},
      {"pins",
       {as_text("id"), as_text("email"), as_text("browser"), as_text("code_hash"),
        number("failures"), number("used"), number("created_at"), number("expires_at")},
       kSerial},
      {"signing_keys",
       {as_text("kid"), as_text("sealed_private_key"), as_text("certificate"), number("created_at"),
        optional("retires_at")},
       kSerial},
      {"api_tokens",
       {as_text("id"), as_text("name"), as_text("secret_hash"), as_text("role"), as_text("scopes"),
        as_text("created_by"), number("created_at"), optional("expires_at"),
        optional("last_used_at")},
       kSerial},
      {"audit",
       {number("at"), as_text("event"), as_text("actor"), as_text("ip"), as_text("application"),
        as_text("reason"), as_text("details")},
       kSerial},
  };
  return kTables;
}

// The values of some columns, as SOCI takes and gives them.
class Row {
 public:
  explicit Row(const std::vector<Column>& columns) : columns_(columns), cells_(columns.size()) {}

  void define(soci::statement& statement) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].kind == Kind::Text) {
        statement.exchange(into(cells_[i].text, cells_[i].state));
      } else {
        statement.exchange(into(cells_[i].number, cells_[i].state));
      }
    }
  }
  void bind(soci::statement& statement, std::string_view prefix) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string name = fmt::format("{}{}", prefix, columns_[i].name);
      if (columns_[i].kind == Kind::Text) {
        statement.exchange(use(cells_[i].text, cells_[i].state, name));
      } else {
        statement.exchange(use(cells_[i].number, cells_[i].state, name));
      }
    }
  }

  [[nodiscard]] json::object to_json() const {
    json::object object;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Cell& cell = cells_[i];
      json::value value;
      if (cell.state == soci::i_ok && columns_[i].kind == Kind::Text) {
        value = boost::json::string(mended_text(cell.text));
      } else if (cell.state == soci::i_ok) {
        value = static_cast<std::int64_t>(cell.number);
      }
      object.emplace(columns_[i].name, std::move(value));
    }
    return object;
  }

  // All columns and no others; the error is in words.
  [[nodiscard]] std::expected<void, std::string> from_json(const json::object& object) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      Cell& cell = cells_[i];
      const json::value* value = json::find(object, columns_[i].name);
      const auto wrong = [&](std::string_view expected) {
        return std::unexpected(fmt::format("`{}` must be {}", columns_[i].name, expected));
      };
      cell.state = soci::i_ok;
      if (columns_[i].kind == Kind::Text) {
        if (value == nullptr || !value->is_string()) return wrong("a text");
        cell.text = text(value->get_string());
      } else if (value != nullptr && value->is_int64()) {
        cell.number = value->get_int64();
      } else if (columns_[i].kind == Kind::OptionalNumber && value != nullptr && value->is_null()) {
        cell.state = soci::i_null;
        cell.number = 0;
      } else {
        return wrong("a number");
      }
    }
    if (object.size() != columns_.size()) return std::unexpected("there is an unknown column");
    return {};
  }

 private:
  struct Cell {
    std::string text;
    long long number = 0;
    soci::indicator state = soci::i_null;
  };
  const std::vector<Column>& columns_;
  std::vector<Cell> cells_;
};

std::string list_of(const std::vector<Column>& columns, std::string_view prefix) {
  std::string list;
  for (const Column& column : columns)
    list += fmt::format("{}{}{}", list.empty() ? "" : ", ", prefix, column.name);
  return list;
}

// Answers how many there were.
std::int64_t dump_table(soci::session& sql, const Table& table, std::ostream& out) {
  std::int64_t count = 0;
  Row row(table.columns);
  Row place(table.order);
  const std::string order = list_of(table.order, "");
  for (int rows = kRowsAtOnce; rows == kRowsAtOnce;) {
    Row after = place;
    soci::statement page(sql);
    row.define(page);
    place.define(page);
    const bool is_first = count == 0;
    if (!is_first) after.bind(page, "after_");
    page.alloc();
    page.prepare(fmt::format(
        "SELECT {}, {} FROM {} {} ORDER BY {} LIMIT {}", list_of(table.columns, ""), order,
        table.name,
        is_first ? "" : fmt::format("WHERE ({}) > ({})", order, list_of(table.order, ":after_")),
        order, kRowsAtOnce));
    page.define_and_bind();
    page.execute();
    for (rows = 0; page.fetch(); ++rows) {
      ++count;
      out << json::serialize(json::object{{table.name, row.to_json()}}) << '\n';
      if (!out) throw GivenUp("the output cannot be written");
    }
  }
  return count;
}

// Inserts into one table, with one statement that is prepared once.
class Inserter {
 public:
  Inserter(soci::session& sql, const Table& table) : row_(table.columns), statement_(sql) {
    row_.bind(statement_, "");
    statement_.alloc();
    statement_.prepare(fmt::format("INSERT INTO {} ({}) VALUES ({})", table.name,
                                   list_of(table.columns, ""), list_of(table.columns, ":")));
    statement_.define_and_bind();
  }
  [[nodiscard]] std::expected<void, std::string> add(const json::object& object) {
    GATEHOUSE_TRY_VOID(row_.from_json(object));
    statement_.execute(true);
    return {};
  }

 private:
  Row row_;
  soci::statement statement_;
};

class Loader {
 public:
  Loader(const Engine& engine, soci::session& sql, std::istream& in)
      : engine_(engine), sql_(sql), in_(in) {}

  // Every problem names its line; the caller's transaction is to be given up.
  void run() {
    const json::object head = next_object();
    const auto version = json::find_int(head, kHead);
    if (!version || head.size() != 1) fail("this is not a backup of a gatehouse store");
    if (*version > newest_schema())
      fail(
          fmt::format("it was made by a newer version of gatehouse (schema {}; this one knows up "
                      "to {})",
                      *version, newest_schema()));
    // The first schema that was ever dumped.
    if (*version < 3) fail(fmt::format("schema {} is not known", *version));
    for (std::int64_t rows = 0;; ++rows) {
      const json::object line = next_object();
      if (line.size() != 1) fail("a line must name one table");
      if (const json::value* end = json::find(line, "rows")) {
        if (!end->is_int64() || end->get_int64() != rows)
          fail(fmt::format("there are {} rows before it", rows));
        break;
      }
      add_row(line.begin()->key(), line.begin()->value());
    }
    std::string rest;
    if (next_line(rest)) fail("nothing may follow the last line");
  }

 private:
  [[noreturn]] void fail(std::string_view words) const {
    throw GivenUp(fmt::format("line {}: {}", line_, words));
  }

  void add_row(std::string_view name, const json::value& value) {
    auto inserter = inserters_.find(name);
    if (inserter == inserters_.end()) {
      const auto table = std::ranges::find(tables(), name, &Table::name);
      if (table == tables().end()) fail("there is no such table");
      inserter = inserters_.try_emplace(table->name, sql_, *table).first;
    }
    if (!value.is_object()) fail("a row must be an object");
    const auto added = [&]() -> std::expected<void, std::string> {
      try {
        return inserter->second.add(value.get_object());
      } catch (const NotText& failure) {
        return std::unexpected(failure.get_error_message());
      } catch (const soci::soci_error& failure) {
        return std::unexpected(engine_.words(failure));
      }
    }();
    if (!added) fail(added.error());
  }

  json::object next_object() {
    std::string line;
    if (!next_line(line)) {
      ++line_;
      fail("the backup is cut short");
    }
    auto parsed = json::parse(line, kLine);
    if (!parsed) fail(fmt::format("not JSON: {}", json::to_string(parsed.error())));
    if (!parsed->is_object()) fail("a line must be an object");
    return std::move(parsed->get_object());
  }

  // False at the end. A last line without its end is cut short.
  bool next_line(std::string& line) {
    line.clear();
    std::streambuf& bytes = *in_.rdbuf();
    using Traits = std::streambuf::traits_type;
    for (auto c = bytes.sbumpc(); c != Traits::eof(); c = bytes.sbumpc()) {
      if (Traits::to_char_type(c) == '\n') {
        ++line_;
        return true;
      }
      line += Traits::to_char_type(c);
      if (line.size() > kMaxLine) break;
    }
    if (line.empty()) return false;
    ++line_;
    fail(line.size() > kMaxLine ? "the line is too long" : "the backup is cut short");
  }

  const Engine& engine_;
  soci::session& sql_;
  std::istream& in_;
  std::int64_t line_ = 0;
  std::map<std::string_view, Inserter> inserters_;
};

}  // namespace

Result<void> SociStore::dump(std::ostream& out) {
  auto body = [&](soci::session& sql) {
    engine_->allow_idle(sql);
    out << json::serialize(json::object{{kHead, newest_schema()}}) << '\n';
    std::int64_t rows = 0;
    for (const Table& table : tables()) rows += dump_table(sql, table, out);
    out << json::serialize(json::object{{"rows", rows}}) << '\n' << std::flush;
    if (!out) throw GivenUp("the output cannot be written");
  };
  return run("back up", Access::Snapshot, Repeat::No, body);
}

Result<void> SociStore::load(std::istream& in) {
  return write_feed(
      "restore", 1,
      [&](soci::session& sql, FeedWriter& feed) {
        engine_->allow_idle(sql);
        engine_->lock_schema(sql);
        long long sequence = 0;
        sql << "SELECT sequence FROM resource_state", into(sequence);
        for (const Table& table : tables()) {
          engine_->lock_table(sql, table.name);
          sql << fmt::format("DELETE FROM {}", table.name);
        }
        Loader(*engine_, sql, in).run();
        sql << "INSERT INTO resource_state (id, sequence, applied_file) VALUES (1, 0, '') "
               "ON CONFLICT DO NOTHING";
        sql << "UPDATE resource_state SET sequence = 1 + "
               "CASE WHEN sequence > :old THEN sequence ELSE :old END",
            use(sequence, "old");
        // Whoever stands before this entry has missed something; it wakes those who wait.
        feed.add(Topic::Resource, "");
        sql << "DELETE FROM feed";
        sql << "DELETE FROM feed_marks";
        sql << "UPDATE feed_state SET purged = position";
      },
      Repeat::No);
}

}  // namespace gatehouse::storage
