#include "storage/soci/migrations.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/json.h"
#include "base/try.h"

namespace gatehouse::storage {
namespace {

using soci::into;
using soci::use;

// What one row held until 0003. Its size was never limited when it was written.
constexpr json::ParseLimits kWholeDocument{256 << 20, 64};

void add_row(soci::session& sql, const std::string& kind, const std::string& id,
             const std::string& document, const std::string& sealed, long long at) {
  sql << "INSERT INTO resources (kind, id, document, sealed_secrets, origin, created_at, "
         "updated_at) VALUES (:kind, :id, :document, :sealed, 'file', :at, :at)",
      use(kind, "kind"), use(id, "id"), use(document, "document"), use(sealed, "sealed"),
      use(at, "at");
}

// 0003: the document of all resources becomes one row for each. Its secrets are sealed together;
// the control plane, which can open them, takes the row `sealed_secrets` apart.
std::expected<void, std::string> split_resources(soci::session& sql) {
  long long sequence = 0;
  std::string text;
  std::string sealed;
  long long at = 0;
  sql << "SELECT sequence, document, sealed_secrets, changed_at FROM resources_0002 WHERE id = 1",
      into(sequence), into(text), into(sealed), into(at);
  if (sql.got_data()) {
    const auto parsed = json::parse(text, kWholeDocument);
    if (!parsed || !parsed->is_object())
      return std::unexpected("the stored resources are not a JSON object");
    for (const auto& [key, section] : parsed->get_object()) {
      const std::string kind(key);
      if (kind == "ingress") {
        add_row(sql, kind, kind, json::serialize(json::object{{"rules", section}}), "", at);
      } else if (section.is_object()) {
        add_row(sql, kind, kind, json::serialize(section), "", at);
      } else if (section.is_array()) {
        for (const json::value& member : section.get_array()) {
          const auto id =
              member.is_object() ? json::find_string(member.get_object(), "id") : std::nullopt;
          if (!id)
            return std::unexpected(
                fmt::format("a member of `{}` in the stored resources has no id", kind));
          add_row(sql, kind, std::string(*id), json::serialize(member), "", at);
        }
      } else {
        return std::unexpected(
            fmt::format("`{}` in the stored resources is neither an object nor a list", kind));
      }
    }
    if (!sealed.empty()) add_row(sql, "sealed_secrets", "legacy", "{}", sealed, at);
    sql << "UPDATE resource_state SET sequence = :sequence", use(sequence, "sequence");
  }
  sql << "DROP TABLE resources_0002";
  return {};
}

}  // namespace

int newest_schema() { return migrations().back().version; }

std::expected<int, std::string> schema_version(soci::session& sql, const Engine& engine) {
  int tables = 0;
  int ours = 0;
  sql << fmt::format(
      "SELECT COUNT(*), COUNT(CASE WHEN name = 'schema_version' THEN 1 END) FROM ({}) AS tables",
      engine.tables_query()),
      into(tables), into(ours);
  if (tables == 0) return 0;
  if (ours == 0) return std::unexpected("the database belongs to another program");
  int version = 0;
  sql << "SELECT version FROM schema_version", into(version);
  if (version > newest_schema())
    return std::unexpected(
        fmt::format("it was written by a newer version of gatehouse (schema {}; this one knows up "
                    "to {}): start that version, or restore a backup that this version made",
                    version, newest_schema()));
  return version;
}

std::expected<void, std::string> migrate(soci::session& sql, const Engine& engine) {
  const int current = GATEHOUSE_TRY(schema_version(sql, engine));
  int version = current;
  for (const Migration& migration : migrations()) {
    if (migration.version <= current) continue;
    const std::string statements = engine.ddl(migration.sql);
    for (std::string_view rest = statements; !trim(rest).empty();) {
      const auto end = rest.find(";\n");
      sql << std::string(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
    }
    if (migration.version == 3) GATEHOUSE_TRY_VOID(split_resources(sql));
    version = migration.version;
  }
  if (version == current) return {};
  sql << "DELETE FROM schema_version";
  sql << "INSERT INTO schema_version (version) VALUES (:version)", use(version, "version");
  return {};
}

}  // namespace gatehouse::storage
