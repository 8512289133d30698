// Users, and the credentials of the administration API.
#include <fmt/format.h>

#include "storage/soci/soci_store.h"

namespace gatehouse::storage {

using soci::into;
using soci::use;

namespace {

constexpr std::string_view kUserColumns =
    "id, email, name, created_at, last_login_at, updated_at, identity";

// One row of users, as SOCI fills it.
struct UserRow {
  User user;
  long long created = 0;
  OptionalInstant last_login;
  long long updated = 0;

  void define(soci::statement& statement) {
    statement.exchange(into(user.id));
    statement.exchange(into(user.email));
    statement.exchange(into(user.name));
    statement.exchange(into(created));
    statement.exchange(into(last_login.value, last_login.state));
    statement.exchange(into(updated));
    statement.exchange(into(user.identity));
  }
  [[nodiscard]] User get() const {
    User result = user;
    result.created_at = instant(created);
    result.last_login_at = last_login.get();
    result.updated_at = instant(updated);
    return result;
  }
};

std::vector<User> fetch_users(soci::session& sql, const std::string& query,
                              Conditions& conditions) {
  UserRow row;
  soci::statement rows(sql);
  conditions.bind(rows);
  row.define(rows);
  rows.alloc();
  rows.prepare(query, soci::details::st_one_time_query);
  rows.define_and_bind();
  rows.execute();
  std::vector<User> found;
  while (rows.fetch()) found.push_back(row.get());
  return found;
}

}  // namespace

Result<User> SociStore::sign_in_user(std::string_view email, std::string_view name,
                                     std::string_view id_if_new, Instant now) {
  return write("store the user", [&](soci::session& sql) {
    const std::string address = text(email);
    const std::string id = text(id_if_new);
    const std::string given_name = indexed_text(name);
    const long long at = seconds(now);
    sql << "INSERT INTO users (id, email, name, created_at, last_login_at, updated_at, identity) "
           "VALUES (:id, :email, :name, :at, :at, :at, '') ON CONFLICT (email) DO UPDATE SET "
           "name = CASE WHEN excluded.name = '' THEN users.name ELSE excluded.name END, "
           "last_login_at = excluded.last_login_at, updated_at = excluded.updated_at",
        use(id, "id"), use(address, "email"), use(given_name, "name"), use(at, "at");
    Conditions conditions;
    conditions.add("email = ?", address);
    return fetch_users(sql, fmt::format("SELECT {} FROM users{}", kUserColumns, conditions.where()),
                       conditions)
        .at(0);
  });
}

Result<void> SociStore::put_identity(std::string_view user_id, std::string_view identity) {
  return write("store the user's identity", [&](soci::session& sql) {
    const std::string id = text(user_id);
    const std::string document = text(identity);
    sql << "UPDATE users SET identity = :identity WHERE id = :id", use(document, "identity"),
        use(id, "id");
  });
}

Result<bool> SociStore::add_user(const User& user) {
  return write("add the user", [&](soci::session& sql) {
    const std::string id = text(user.id);
    const std::string email = text(user.email);
    const std::string name = indexed_text(user.name);
    const std::string identity = text(user.identity);
    const long long created = seconds(user.created_at);
    const long long updated = seconds(user.updated_at);
    OptionalInstant last_login(user.last_login_at);
    int done = 0;
    sql << "INSERT INTO users (id, email, name, created_at, last_login_at, updated_at, identity) "
           "VALUES (:id, :email, :name, :created, :login, :updated, :identity) "
           "ON CONFLICT DO NOTHING RETURNING 1",
        use(id, "id"), use(email, "email"), use(name, "name"), use(created, "created"),
        use(last_login.value, last_login.state, "login"), use(updated, "updated"),
        use(identity, "identity"), into(done);
    return sql.got_data();
  });
}

Result<bool> SociStore::change_user(std::string_view id, std::string_view email,
                                    std::string_view name, Instant now) {
  return write("change the user", [&](soci::session& sql) {
    const std::string key = text(id);
    const std::string address = text(email);
    const std::string given_name = indexed_text(name);
    const long long at = seconds(now);
    int done = 0;
    sql << "UPDATE users SET email = :email, name = :name, updated_at = :at "
           "WHERE id = :id AND NOT EXISTS (SELECT 1 FROM users other "
           "WHERE other.email = :email AND other.id <> :id) RETURNING 1",
        use(address, "email"), use(given_name, "name"), use(at, "at"), use(key, "id"), into(done);
    return sql.got_data();
  });
}

Result<bool> SociStore::remove_user(std::string_view id) {
  return write("remove the user", [&](soci::session& sql) {
    const std::string key = text(id);
    int done = 0;
    sql << "DELETE FROM users WHERE id = :id RETURNING 1", use(key, "id"), into(done);
    return sql.got_data();
  });
}

Result<Page<User>> SociStore::users(const UserQuery& query) {
  return read_snapshot("read the users", [&](soci::session& sql) {
    Conditions conditions;
    if (!query.name.empty()) conditions.add("name = ?", text(query.name));
    if (!query.email.empty()) conditions.add("email = ?", text(query.email));
    // Addresses are canonical, so in lower case.
    if (!query.search.empty())
      conditions.add("(email LIKE ? ESCAPE '!' OR LOWER(name) LIKE ? ESCAPE '!')",
                     like_pattern(query.search));
    Page<User> page;
    page.items = fetch_users(
        sql,
        fmt::format("SELECT {} FROM users{} ORDER BY email LIMIT {} OFFSET {}", kUserColumns,
                    conditions.where(), row_count(query.limit), row_count(query.offset)),
        conditions);
    // A search looks at every user: the page that is not full says how many there are by itself.
    const std::size_t found = page.items.size();
    const bool is_last = found < query.limit && (found > 0 || query.offset == 0);
    page.total = is_last ? query.offset + found : count_rows(sql, "users", conditions);
    return page;
  });
}

Result<std::optional<User>> SociStore::find_user(std::string_view key) {
  return read("find the user", [&](soci::session& sql) -> std::optional<User> {
    Conditions conditions;
    conditions.add("(id = ? OR email = ?)", text(key));
    auto found = fetch_users(
        sql, fmt::format("SELECT {} FROM users{}", kUserColumns, conditions.where()), conditions);
    return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
  });
}

// --- API tokens ---------------------------------------------------------------------------------

namespace {

std::vector<std::string> read_scopes(const std::string& column) {
  const auto parsed = json::parse(column, kStoredJson);
  if (!parsed || !parsed->is_array()) throw GivenUp("scopes of a token are not a list");
  std::vector<std::string> scopes;
  for (const json::value& scope : parsed->get_array()) {
    // One that is left out could widen what the token may do.
    if (!scope.is_string()) throw GivenUp("a scope of a token is not text");
    scopes.emplace_back(scope.get_string());
  }
  return scopes;
}

std::vector<ApiToken> fetch_tokens(soci::session& sql, Conditions& conditions) {
  ApiToken token;
  std::string role;
  std::string scopes;
  long long created = 0;
  OptionalInstant expires;
  OptionalInstant last_used;
  soci::statement rows(sql);
  conditions.bind(rows);
  rows.exchange(into(token.id));
  rows.exchange(into(token.name));
  rows.exchange(into(token.secret_hash));
  rows.exchange(into(role));
  rows.exchange(into(scopes));
  rows.exchange(into(token.created_by));
  rows.exchange(into(created));
  rows.exchange(into(expires.value, expires.state));
  rows.exchange(into(last_used.value, last_used.state));
  rows.alloc();
  rows.prepare(fmt::format("SELECT id, name, secret_hash, role, scopes, created_by, created_at, "
                           "expires_at, last_used_at FROM api_tokens{} ORDER BY serial",
                           conditions.where()),
               soci::details::st_one_time_query);
  rows.define_and_bind();
  rows.execute();
  std::vector<ApiToken> found;
  while (rows.fetch()) {
    const auto known = parse_role(role);
    if (!known) throw GivenUp("a token has an unknown role");
    token.role = *known;
    token.scopes = read_scopes(scopes);
    token.created_at = instant(created);
    token.expires_at = expires.get();
    token.last_used_at = last_used.get();
    found.push_back(token);
  }
  return found;
}

}  // namespace

Result<bool> SociStore::add_api_token(const ApiToken& token) {
  return write("add the API token", [&](soci::session& sql) {
    const std::string id = text(token.id);
    const std::string name = text(token.name);
    const std::string hash = text(token.secret_hash);
    const std::string role(to_string(token.role));
    json::array list;
    for (const std::string& scope : token.scopes) list.emplace_back(boost::json::string(scope));
    const std::string scopes = text(json::serialize(list));
    const std::string creator = text(token.created_by);
    const long long created = seconds(token.created_at);
    OptionalInstant expires(token.expires_at);
    OptionalInstant last_used(token.last_used_at);
    int done = 0;
    sql << "INSERT INTO api_tokens (id, name, secret_hash, role, scopes, created_by, created_at, "
           "expires_at, last_used_at) VALUES (:id, :name, :hash, :role, :scopes, :creator, "
           ":created, :expires, :used) ON CONFLICT DO NOTHING RETURNING 1",
        use(id, "id"), use(name, "name"), use(hash, "hash"), use(role, "role"),
        use(scopes, "scopes"), use(creator, "creator"), use(created, "created"),
        use(expires.value, expires.state, "expires"), use(last_used.value, last_used.state, "used"),
        into(done);
    return sql.got_data();
  });
}

Result<std::optional<ApiToken>> SociStore::find_api_token(std::string_view secret_hash) {
  return read("look for an API token", [&](soci::session& sql) -> std::optional<ApiToken> {
    Conditions conditions;
    conditions.add("secret_hash = ?", text(secret_hash));
    auto found = fetch_tokens(sql, conditions);
    return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
  });
}

Result<std::vector<ApiToken>> SociStore::api_tokens() {
  return read("read the API tokens", [&](soci::session& sql) {
    Conditions none;
    return fetch_tokens(sql, none);
  });
}

Result<bool> SociStore::remove_api_token(std::string_view id) {
  return write("remove the API token", [&](soci::session& sql) {
    const std::string key = text(id);
    int done = 0;
    sql << "DELETE FROM api_tokens WHERE id = :id RETURNING 1", use(key, "id"), into(done);
    return sql.got_data();
  });
}

Result<void> SociStore::touch_api_token(std::string_view id, Instant now) {
  return write("note the use of an API token", [&](soci::session& sql) {
    const std::string key = text(id);
    const long long at = seconds(now);
    sql << "UPDATE api_tokens SET last_used_at = :at WHERE id = :id", use(at, "at"), use(key, "id");
  });
}

}  // namespace gatehouse::storage
