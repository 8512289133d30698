#include "apps/gatehouse/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "apps/gatehouse/node.h"
#include "apps/gatehouse/serve.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/try.h"
#include "controlplane/audit.h"
#include "crypto/digest.h"
#include "platform/clock.h"
#include "platform/descriptor.h"
#include "platform/file.h"
#include "platform/random.h"
#include "storage/store.h"

namespace gatehouse::apps {
namespace {

namespace fs = std::filesystem;
template <typename T>
using Said = std::expected<T, std::string>;

constexpr int kFormat = 1;
// Of files in run/, on their way between the gateway and the command.
constexpr std::string_view kBackupPrefix = "backup-";
constexpr std::string_view kRestorePrefix = "restore-";
constexpr std::size_t kMaxHeader = 64 * 1024;
constexpr std::chrono::hours kLongest{2};  // of a backup or a restore

std::string system_message() { return std::strerror(errno); }

net::HttpResponse answer(int status, const json::object& body) {
  return {status, {{"Content-Type", "application/json"}}, json::serialize(body)};
}

std::string fingerprint(const Secret& key) {
  return hex_encode(crypto::derive_key(key.reveal(), "backup fingerprint")).substr(0, 32);
}

// What this user may not see is not there.
bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(file, ignored);
}

// nullopt: there is none.
Said<std::optional<Secret>> read_key(const fs::path& file) {
  std::error_code error;
  const bool there = fs::exists(file, error);
  if (error)
    return std::unexpected(fmt::format("cannot read `{}`: {}", file.string(), error.message()));
  if (!there) return std::nullopt;
  auto bytes = read_file(file, 4096);
  if (!bytes) return std::unexpected(bytes.error().message);
  return Secret(std::move(*bytes));
}

struct Header {
  std::string key_fingerprint;
  std::optional<Secret> master_key;
};

std::string write_header(const Secret& key, bool with_key) {
  json::object header{{"gatehouse_backup", kFormat},
                      {"made_at", format_rfc3339(system_now())},
                      {"gatehouse", GATEHOUSE_VERSION},
                      {"master_key_fingerprint", fingerprint(key)}};
  if (with_key) header["master_key"] = base64_encode(key.reveal());
  return json::serialize(header) + "\n";
}

Said<Header> read_header(std::istream& in) {
  std::string line;
  for (char c; line.size() <= kMaxHeader && in.get(c) && c != '\n';) line += c;
  const auto parsed = json::parse(line);
  const auto* object = parsed ? parsed->if_object() : nullptr;
  const auto format = object ? json::find_int(*object, "gatehouse_backup") : std::nullopt;
  if (!format) return std::unexpected("is not a backup of Gatehouse");
  if (*format != kFormat) {
    return std::unexpected(
        fmt::format("is a backup of format {}; this version reads format {}", *format, kFormat));
  }
  Header header;
  header.key_fingerprint = json::find_string(*object, "master_key_fingerprint").value_or("");
  if (const auto key = json::find_string(*object, "master_key")) {
    auto bytes = base64_decode(*key);
    if (!bytes || fingerprint(Secret(*bytes)) != header.key_fingerprint)
      return std::unexpected("holds a damaged master key");
    header.master_key = Secret(std::move(*bytes));
  }
  return header;
}

struct Source {
  std::unique_ptr<std::ifstream> in;  // behind the header
  Header header;
};
Said<Source> open_backup(const std::string& file) {
  Source source;
  source.in = std::make_unique<std::ifstream>(file, std::ios::binary);
  if (!*source.in)
    return std::unexpected(fmt::format("cannot read `{}`: {}", file, system_message()));
  auto header = read_header(*source.in);
  if (!header) return std::unexpected(fmt::format("`{}` {}", file, header.error()));
  source.header = std::move(*header);
  return source;
}

// A file of our own, which nobody else can read; removed unless it is kept.
class NewFile {
 public:
  static Said<NewFile> make(const fs::path& path) {
    const Descriptor made(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!made.valid())
      return std::unexpected(fmt::format("cannot write `{}`: {}", path.string(), system_message()));
    return NewFile(path);
  }
  NewFile(NewFile&& other) noexcept
      : path_(std::exchange(other.path_, fs::path())), out_(std::move(other.out_)) {}
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove(path_, ignored);
  }

  [[nodiscard]] std::ostream& out() { return *out_; }
  // All of it is on the disk.
  [[nodiscard]] Said<void> finish() {
    out_->close();
    const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (out_->fail() || !file.valid() || ::fsync(file.get()) != 0)
      return std::unexpected(
          fmt::format("cannot write `{}`: {}", path_.string(), system_message()));
    return {};
  }
  void keep() { path_.clear(); }
  [[nodiscard]] Said<void> keep_as(const fs::path& target) {
    if (::rename(path_.c_str(), target.c_str()) != 0)
      return std::unexpected(
          fmt::format("cannot write `{}`: {}", target.string(), system_message()));
    path_.clear();
    const fs::path parent = target.has_parent_path() ? target.parent_path() : ".";
    const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.valid()) ::fsync(directory.get());
    return {};
  }

 private:
  explicit NewFile(const fs::path& path)
      : path_(path), out_(std::make_unique<std::ofstream>(path, std::ios::binary)) {}

  fs::path path_;
  std::unique_ptr<std::ofstream> out_;
};

fs::path beside(const fs::path& target) { return target.string() + "." + random_hex(8) + ".tmp"; }

Said<void> write_backup(NewFile& file, storage::Store& store, const Secret& key, bool with_key) {
  file.out() << write_header(key, with_key);
  if (const auto dumped = store.dump(file.out()); !dumped)
    return std::unexpected(dumped.error().message);
  return file.finish();
}

Said<void> copy(const std::string& from, NewFile& to) {
  std::ifstream in(from, std::ios::binary);
  if (!in) return std::unexpected(fmt::format("cannot read `{}`: {}", from, system_message()));
  if (in.peek() != std::ifstream::traits_type::eof()) to.out() << in.rdbuf();
  if (in.bad()) return std::unexpected(fmt::format("cannot read `{}`", from));
  return to.finish();
}

// What is going on, at a terminal only.
class Progress {
 public:
  explicit Progress(std::function<std::string()> text) {
    if (::isatty(STDERR_FILENO) == 0) return;
    thread_ = std::jthread([text = std::move(text)](const std::stop_token& stop) {
      std::mutex mutex;
      std::condition_variable_any wake;
      std::unique_lock lock(mutex);
      const auto begun = std::chrono::steady_clock::now();
      while (!wake.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; }) &&
             !stop.stop_requested()) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
            std::chrono::steady_clock::now() - begun);
        std::cerr << fmt::format("\r{}, {} s", text(), seconds.count()) << std::flush;
      }
      std::cerr << "\r\x1b[K" << std::flush;
    });
  }

 private:
  std::jthread thread_;
};

Progress progress_of(const char* what, fs::path growing) {
  return Progress([what, growing = std::move(growing)] {
    std::error_code ignored;
    const auto size = fs::file_size(growing, ignored);
    return fmt::format("{}: {} MiB", what, ignored ? 0 : size >> 20);
  });
}

bool is_running(const std::string& state_directory) {
  const std::string path = state_directory + "/run/admin.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return socket.valid() &&
         ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

int fail(const std::string& message, int code = kExitFailure) {
  std::cerr << "gatehouse: " << printable(message) << "\n";
  return code;
}

// Where to work: through the running gateway, or on the store itself.
struct Place {
  std::string state_directory;
  std::optional<configuration::Settings> settings;  // of the file; no gateway answers
};
std::expected<Place, int> find_place(const BackupArguments& arguments, Output output) {
  Place place{.state_directory = arguments.state_directory, .settings = {}};
  if (!arguments.configuration_file.empty()) {
    auto loaded = load_configuration(arguments.configuration_file);
    if (!loaded) return std::unexpected(report(loaded.error(), output));
    place.settings = std::move(loaded->settings);
    if (place.state_directory.empty()) place.state_directory = place.settings->state_directory;
  }
  if (place.state_directory.empty())
    place.state_directory = configuration::Settings().state_directory;
  if (is_running(place.state_directory)) {
    place.settings.reset();
  } else if (!place.settings) {
    return std::unexpected(
        fail(fmt::format("no gateway answers at `{}/run/admin.sock`; --config FILE works on the "
                         "store that the configuration file names",
                         place.state_directory)));
  }
  return place;
}

// The gateway, or a person who may act for it, reads it.
Said<void> hand_over(const std::string& state_directory, const fs::path& file) {
  struct stat socket{};
  if (::geteuid() != 0 || ::stat((state_directory + "/run/admin.sock").c_str(), &socket) != 0)
    return {};
  if (::chown(file.c_str(), socket.st_uid, socket.st_gid) != 0)
    return std::unexpected(
        fmt::format("cannot give `{}` away: {}", file.string(), system_message()));
  return {};
}

net::OutboundRequest post(const char* target, const json::object& body) {
  net::OutboundRequest request;
  request.method = "POST";
  request.url = std::string("http://gatehouse") + target;
  request.headers = {{"Content-Type", "application/json"}};
  request.body = json::serialize(body);
  request.timeout = kLongest;
  return request;
}

// The master key of a gateway that does not run; nullopt: there is none yet.
struct Keys {
  fs::path file;
  bool is_credential = false;
  std::optional<Secret> key;
};
Said<Keys> keys_at_rest(const std::string& state_directory) {
  const fs::path directory = fs::path(state_directory) / "keys";
  if (is_there(directory / "master.key.new")) {
    return std::unexpected(fmt::format(
        "a rotation of the master key was cut short in `{}`: start the gateway once, which ends it",
        directory.string()));
  }
  Keys keys{.file = directory / "master.key", .is_credential = false, .key = {}};
  if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY")) {
    const fs::path credential = fs::path(credentials) / "master_key";
    if (is_there(credential)) {
      keys.file = credential;
      keys.is_credential = true;
    }
  }
  keys.key = GATEHOUSE_TRY(read_key(keys.file));
  return keys;
}

Said<void> back_up_at_rest(const Place& place, const BackupArguments& arguments, NewFile& file) {
  const Keys keys = GATEHOUSE_TRY(keys_at_rest(place.state_directory));
  if (!keys.key) return std::unexpected(fmt::format("there is no `{}`", keys.file.string()));
  const auto store = storage::open_store(store_url(*place.settings));
  if (!store) return std::unexpected(store.error().message);
  return write_backup(file, **store, *keys.key, arguments.with_master_key);
}

// Through the gateway's own folder: it may run as another user.
Said<void> back_up_running(const Place& place, const BackupArguments& arguments, NewFile& file) {
  const auto taken =
      fs::path(place.state_directory) / "run" / (std::string(kBackupPrefix) + random_hex(8));
  const auto progress = progress_of("Reading the store", taken);
  const auto reply = ask_gateway(place.state_directory,
                                 post("/backup", {{"name", taken.filename().string()},
                                                  {"with_master_key", arguments.with_master_key}}));
  if (!reply) return std::unexpected("nothing was written");
  if (reply->first != 200) {
    return std::unexpected(
        std::string(json::find_string(reply->second, "error").value_or("the gateway refused it")));
  }
  auto copied = copy(taken.string(), file);
  std::error_code ignored;
  fs::remove(taken, ignored);
  return copied;
}

std::string other_key(const Header& header, const std::optional<Secret>& key,
                      const fs::path& file) {
  return fmt::format(
      "the backup was made with another master key (fingerprint {}; that of `{}` is {}): nothing "
      "was changed. Stop the gateway and {}, with --config",
      header.key_fingerprint, file.string(), key ? fingerprint(*key) : "none",
      header.master_key ? "restore again: the backup brings its key"
                        : "put that key there, or take a backup made --with-master-key, and "
                          "restore again");
}

Said<void> load(storage::Store& store, std::istream& in) {
  if (const auto loaded = store.load(in); !loaded)
    return std::unexpected(loaded.error().message + "; nothing was changed");
  return {};
}

// INVARIANT: at every moment one of the keys in the folder opens the store; controlplane/vault.h
// finds out which when a `master.key.new` is there.
Said<void> restore_at_rest(const Place& place, Source& source) {
  const Keys keys = GATEHOUSE_TRY(keys_at_rest(place.state_directory));
  const bool same = keys.key && fingerprint(*keys.key) == source.header.key_fingerprint;
  if (!same && (!source.header.master_key || keys.is_credential)) {
    if (keys.is_credential && source.header.master_key) {
      return std::unexpected(fmt::format(
          "the backup was made with another master key than the credential `{}`: give the gateway "
          "the backup's first; nothing was changed",
          keys.file.string()));
    }
    return std::unexpected(other_key(source.header, keys.key, keys.file));
  }
  for (const auto& [path, mode] : {std::pair{fs::path(place.state_directory), 0711},
                                   {fs::path(place.state_directory) / "keys", 0700}}) {
    if (const auto made = make_directory(path, static_cast<mode_t>(mode)); !made)
      return std::unexpected(made.error().message);
  }
  const auto store = storage::open_store(store_url(*place.settings));
  if (!store) return std::unexpected(store.error().message);
  if (same) return load(**store, *source.in);
  const fs::path next = keys.file.string() + ".new";
  if (const auto written = write_file_atomically(next, source.header.master_key->reveal(), 0600);
      !written)
    return std::unexpected(written.error().message);
  if (auto loaded = load(**store, *source.in); !loaded) {
    ::unlink(next.c_str());
    return loaded;
  }
  // Other backups may still need the former one.
  if (keys.key) {
    const std::string former =
        fmt::format("{}.{}", keys.file.string(), fingerprint(*keys.key).substr(0, 8));
    if (::link(keys.file.c_str(), former.c_str()) != 0 && errno != EEXIST)
      return std::unexpected(
          fmt::format("cannot keep the former key as `{}`: {}", former, system_message()));
  }
  if (::rename(next.c_str(), keys.file.c_str()) != 0)
    return std::unexpected(fmt::format("cannot rename `{}`: {}", next.string(), system_message()));
  return {};
}

Said<void> restore_running(const Place& place, const std::string& file) {
  const auto given =
      fs::path(place.state_directory) / "run" / (std::string(kRestorePrefix) + random_hex(8));
  const Progress progress([] { return std::string("Restoring"); });
  auto handed = GATEHOUSE_TRY(NewFile::make(given));
  GATEHOUSE_TRY_VOID(copy(file, handed));
  GATEHOUSE_TRY_VOID(hand_over(place.state_directory, given));
  const auto reply =
      ask_gateway(place.state_directory, post("/restore", {{"name", given.filename().string()}}));
  if (!reply) return std::unexpected("it is not known whether anything was restored");
  if (reply->first != 200) {
    return std::unexpected(
        std::string(json::find_string(reply->second, "error").value_or("the gateway refused it")));
  }
  return {};
}

// A path of ours, of a request that only the owner can make: directly in run/.
std::optional<fs::path> path_of(const json::object* body, const Node& node,
                                std::string_view prefix) {
  const auto name = body ? json::find_string(*body, "name") : std::nullopt;
  if (!name || !name->starts_with(prefix) || name->contains('/')) return std::nullopt;
  return fs::path(node.settings().state_directory) / "run" / std::string(*name);
}

constexpr std::string_view kBackupMade = "backup_made";
constexpr std::string_view kStoreRestored = "store_restored";

}  // namespace

int backup(const BackupArguments& arguments, Output output) {
  const auto place = find_place(arguments, output);
  if (!place) return place.error();
  auto file = NewFile::make(beside(arguments.file));
  if (!file) return fail(file.error());
  auto written = place->settings ? back_up_at_rest(*place, arguments, *file)
                                 : back_up_running(*place, arguments, *file);
  if (written) written = file->keep_as(arguments.file);
  if (!written) return fail(written.error());
  std::error_code ignored;
  const auto bytes = fs::file_size(arguments.file, ignored);
  if (output == Output::Json) {
    std::cout << json::serialize(json::object{{"file", arguments.file},
                                              {"bytes", bytes},
                                              {"master_key", arguments.with_master_key}})
              << "\n";
  } else {
    std::cout << fmt::format("{}: {} bytes, {}\n", printable(arguments.file), bytes,
                             arguments.with_master_key
                                 ? "with the master key: keep it as you keep that key"
                                 : "without the master key: keep that one too, elsewhere");
  }
  return kExitOk;
}

int restore(const BackupArguments& arguments, Output output) {
  auto source = open_backup(arguments.file);
  if (!source) return fail(source.error());
  const auto place = find_place(arguments, output);
  if (!place) return place.error();
  if (!arguments.yes &&
      (output == Output::Json ||
       !confirmed(fmt::format("Replace everything that the gateway of `{}` has by this backup?",
                              printable(place->state_directory)))))
    return unconfirmed();
  const auto restored =
      place->settings ? restore_at_rest(*place, *source) : restore_running(*place, arguments.file);
  if (!restored) return fail(restored.error());
  if (output == Output::Json) {
    std::cout << json::serialize(
                     json::object{{"restored", true}, {"in_force", !place->settings.has_value()}})
              << "\n";
  } else {
    std::cout << (place->settings ? "Restored. It is in force when the gateway starts.\n"
                                  : "Restored. The next request obeys it.\n");
  }
  return kExitOk;
}

net::HttpResponse answer_backup(Node& node, const net::HttpRequest& request) {
  const auto body = json::parse(request.body);
  const auto* object = body ? body->if_object() : nullptr;
  const auto path = path_of(object, node, kBackupPrefix);
  if (!path) return answer(400, {{"error", "the request is not readable"}});
  const bool with_key = json::find_bool(*object, "with_master_key").value_or(false);
  const auto write = [&]() -> Said<void> {
    const auto key = GATEHOUSE_TRY(read_key(node.vault().master_key_file()));
    if (!key)
      return std::unexpected(
          fmt::format("there is no `{}`", node.vault().master_key_file().string()));
    auto file = GATEHOUSE_TRY(NewFile::make(*path));
    GATEHOUSE_TRY_VOID(write_backup(file, node.store(), *key, with_key));
    file.keep();
    return {};
  };
  if (const auto written = write(); !written) return answer(422, {{"error", written.error()}});
  controlplane::audit(node.gateway().context(), {.event = kBackupMade,
                                                 .actor = "gatehouse backup",
                                                 .application = "",
                                                 .reason = "",
                                                 .details = {{"with_master_key", with_key}}});
  return answer(200, {{"path", path->string()}});
}

void remove_leftovers(const fs::path& directory) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kBackupPrefix) && !name.starts_with(kRestorePrefix)) continue;
    std::error_code ignored;
    fs::remove(entry.path(), ignored);
  }
}

net::HttpResponse answer_restore(Node& node, const net::HttpRequest& request) {
  const auto body = json::parse(request.body);
  const auto path = path_of(body ? body->if_object() : nullptr, node, kRestorePrefix);
  if (!path) return answer(400, {{"error", "the request is not readable"}});
  const auto put = [&]() -> Said<void> {
    Source source = GATEHOUSE_TRY(open_backup(path->string()));
    const fs::path key_file = node.vault().master_key_file();
    const auto key = GATEHOUSE_TRY(read_key(key_file));
    if (!key || fingerprint(*key) != source.header.key_fingerprint)
      return std::unexpected(other_key(source.header, key, key_file));
    GATEHOUSE_TRY_VOID(load(node.store(), *source.in));
    // The feed has a gap now: everything is read anew.
    if (!node.gateway().follow())
      return std::unexpected("restored, but it cannot be put in force: see the gateway's log");
    return {};
  };
  if (const auto done = put(); !done) return answer(422, {{"error", done.error()}});
  controlplane::audit(node.gateway().context(), {.event = kStoreRestored,
                                                 .actor = "gatehouse restore",
                                                 .application = "",
                                                 .reason = "",
                                                 .details = {}});
  return answer(200, {{"restored", true}});
}

}  // namespace gatehouse::apps
