#include "storage/test_databases.h"

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>
#include <vector>

#include "storage/soci/migrations.h"

namespace gatehouse::storage {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << why << std::endl;
  std::abort();
}

std::string make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "gatehouse-store-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) give_up("cannot make a temporary folder");
  return name;
}

class SqliteDatabase final : public TestDatabase {
 public:
  SqliteDatabase() : folder_(make_folder()) {}
  ~SqliteDatabase() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string url() const override { return "sqlite://" + folder_ + "/gatehouse.db"; }
  void run(const std::string& sql) override { static_cast<void>(ask(sql)); }
  std::string ask(const std::string& sql) override {
    sqlite3* database = nullptr;
    EXPECT_EQ(SQLITE_OK, sqlite3_open((folder_ + "/gatehouse.db").c_str(), &database));
    std::string answer;
    char* message = nullptr;
    const auto take = [](void* to, int columns, char** values, char** /*names*/) {
      auto& text = *static_cast<std::string*>(to);
      if (text.empty() && columns > 0 && values[0] != nullptr) text = values[0];
      return 0;
    };
    EXPECT_EQ(SQLITE_OK, sqlite3_exec(database, sql.c_str(), take, &answer, &message)) << message;
    sqlite3_free(message);
    sqlite3_close(database);
    return answer;
  }

 private:
  std::string folder_;
};

class PostgresqlServer {
 public:
  static PostgresqlServer& get() {
    static PostgresqlServer server;
    return server;
  }
  PostgresqlServer(const PostgresqlServer&) = delete;
  PostgresqlServer& operator=(const PostgresqlServer&) = delete;

  [[nodiscard]] std::string url(const std::string& database) const {
    return "postgresql://gatehouse@/" + database + "?host=" + folder_;
  }
  void start() {
    process_ = spawn({binary("postgres"), "-D", folder_ + "/data", "-k", folder_, "-c",
                      "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200", "-c",
                      "log_min_messages=panic"});
    for (int i = 0; i < 600; ++i) {
      PGconn* connection = PQconnectdb(url("postgres").c_str());
      const bool ready = PQstatus(connection) == CONNECTION_OK;
      PQfinish(connection);
      if (ready) return;
      std::this_thread::sleep_for(50ms);
    }
    give_up("postgresql-15 does not start");
  }
  void stop(int signal) {
    ::kill(process_, signal);
    int status = 0;
    ::waitpid(process_, &status, 0);
  }

 private:
  PostgresqlServer() : folder_(make_folder()) {
    if (::access(binary("postgres").c_str(), X_OK) != 0)
      give_up("no " + binary("postgres") + ": install what tools/packages/test.txt lists");
    if (::geteuid() == 0) {
      const passwd* user = ::getpwnam("postgres");
      if (user == nullptr) give_up("there is no user postgres");
      user_ = {"--reuid=" + std::to_string(user->pw_uid), "--regid=" + std::to_string(user->pw_gid),
               "--clear-groups"};
      if (::chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0) give_up("chown fails");
    }
    const pid_t initdb =
        spawn({binary("initdb"), "-D", folder_ + "/data", "-U", "gatehouse", "--auth=trust",
               "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"});
    int status = 0;
    if (::waitpid(initdb, &status, 0) != initdb || status != 0) give_up("initdb fails");
    start();
  }
  ~PostgresqlServer() {
    stop(SIGINT);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  static std::string binary(const std::string& name) {
    return "/usr/lib/postgresql/15/bin/" + name;
  }
  // As an unprivileged user, which both programs demand; it ends with this process.
  [[nodiscard]] pid_t spawn(const std::vector<std::string>& command) const {
    std::vector<std::string> words{"setpriv", "--pdeathsig=INT"};
    words.insert(words.end(), user_.begin(), user_.end());
    words.insert(words.end(), command.begin(), command.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::fflush(nullptr);  // not once more by the child
    const pid_t child = ::fork();
    if (child == 0) {
      if (::chdir("/") != 0 || std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(1);
      ::execvp(arguments[0], arguments.data());
      ::_exit(1);
    }
    return child;
  }

  std::string folder_;
  std::vector<std::string> user_;
  pid_t process_ = -1;
};

class PostgresqlDatabase final : public TestDatabase {
 public:
  PostgresqlDatabase() {
    static int count = 0;
    name_ = "test" + std::to_string(::getpid()) + "_" + std::to_string(++count);
    static_cast<void>(execute("postgres", "CREATE DATABASE " + name_));
  }
  ~PostgresqlDatabase() override {
    static_cast<void>(execute("postgres", "DROP DATABASE " + name_ + " WITH (FORCE)"));
  }
  std::string url() const override { return PostgresqlServer::get().url(name_); }
  void run(const std::string& sql) override { static_cast<void>(execute(name_, sql)); }
  std::string ask(const std::string& sql) override { return execute(name_, sql); }

 private:
  static std::string execute(const std::string& database, const std::string& sql) {
    PGconn* connection = PQconnectdb(PostgresqlServer::get().url(database).c_str());
    PGresult* result = PQexec(connection, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    EXPECT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        << sql << ": " << PQerrorMessage(connection);
    std::string answer = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
    PQclear(result);
    PQfinish(connection);
    return answer;
  }

  std::string name_;
};

}  // namespace

std::unique_ptr<TestDatabase> make_database(EngineKind kind) {
  if (kind == EngineKind::Sqlite) return std::make_unique<SqliteDatabase>();
  return std::make_unique<PostgresqlDatabase>();
}

void restart_postgresql() {
  PostgresqlServer::get().stop(SIGQUIT);
  PostgresqlServer::get().start();
}

std::unique_ptr<Store> open_or_abort(const std::string& url) {
  auto opened = open_store(url);
  if (!opened) give_up(opened.error().message);
  return std::move(*opened);
}

void make_old_sqlite_schema(TestDatabase& database, int version) {
  const auto engine = sqlite_engine("", "");
  for (const Migration& migration : migrations())
    if (migration.version <= version) database.run(engine->ddl(migration.sql));
  database.run("INSERT INTO schema_version (version) VALUES (" + std::to_string(version) + ")");
}

model::Session test_session(const std::string& nonce, Instant expires_at) {
  const Instant made = expires_at - 3600s;
  model::Session result;
  result.nonce = nonce;
  result.identity.user_id = "5f0c1a52-0000-4000-8000-000000000001";
  result.identity.email = "Ann@example.com";
  result.identity.name = "Ann \"quoted\" O'Neil";
  result.identity.groups = {"staff", "\xc3\xa4"};
  result.identity.authenticated_at = made;
  result.created_at = made;
  result.expires_at = expires_at;
  model::PostureEvidence evidence;
  evidence.integration_id = "integration";
  evidence.device_id = "device";
  evidence.established_at = made;
  evidence.managed = true;
  result.posture = {evidence};
  return result;
}

}  // namespace gatehouse::storage
