#include "apps/gatehouse/access_cli.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <system_error>
#include <thread>

#include "apps/gatehouse/serve.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/try.h"
#include "controlplane/cli_transfer.h"
#include "crypto/digest.h"
#include "crypto/key_box.h"
#include "net/http_client.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/process.h"
#include "platform/random.h"

namespace gatehouse::apps {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxTokenFile = 64 * 1024;
constexpr auto kWaitForSignIn = std::chrono::minutes(10);
constexpr auto kFirstPause = 1000ms;
constexpr auto kLongestPause = 5000ms;

template <typename T>
using Try = std::expected<T, std::string>;

// Ours alone: of this user, and nothing that the permissions open to others.
Try<void> check_private(const std::filesystem::path& path, mode_t type) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0)
    return std::unexpected(fmt::format("cannot look at `{}`: {}", path.string(),
                                       std::generic_category().message(errno)));
  if ((found.st_mode & S_IFMT) != type)
    return std::unexpected(fmt::format("`{}` is of another kind than it should be", path.string()));
  if (found.st_uid != ::geteuid())
    return std::unexpected(fmt::format("`{}` belongs to somebody else", path.string()));
  if ((found.st_mode & 077U) != 0)
    return std::unexpected(
        fmt::format("others may use `{}`: take that away with chmod go-rwx", path.string()));
  return {};
}

// Goes into a cookie file and to a terminal.
bool is_token_text(std::string_view token) {
  return !token.empty() && std::ranges::all_of(token, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::optional<KeptToken> read_token(std::string_view text) {
  const auto document = json::parse(text);
  if (!document || !document->is_object()) return std::nullopt;
  const auto& object = document->get_object();
  const auto token = json::find_string(object, "token");
  const auto end = json::find_int(object, "expires_at");
  if (!token || !end || !is_token_text(*token)) return std::nullopt;
  return KeptToken{std::string(*token), from_epoch_seconds(*end)};
}

class Command {
 public:
  Command(const AccessArguments& arguments, ApplicationUrl url, std::filesystem::path directory)
      : arguments_(arguments),
        url_(std::move(url)),
        client_(net::make_http_client(arguments.ca_file)),
        files_(std::move(directory)) {}

  int run(Output output) {
    const auto done = perform(output);
    if (done) return *done;
    std::cerr << "gatehouse: " << printable(done.error()) << "\n";
    return kExitFailure;
  }

 private:
  Try<int> perform(Output output) {
    files_.remove_expired(system_now());
    audience_ = GATEHOUSE_TRY(ask_audience());
    auto kept = GATEHOUSE_TRY(live_token());
    if (!kept) {
      const bool may_ask = arguments_.action == "login" ||
                           (arguments_.action == "curl" && ::isatty(STDERR_FILENO) == 1);
      if (!may_ask) {
        std::cerr << "gatehouse: not signed in: gatehouse access login " << url_.origin << url_.path
                  << "\n";
        return kExitNotSignedIn;
      }
      kept = GATEHOUSE_TRY(sign_in());
      GATEHOUSE_TRY_VOID(files_.put(url_.origin, audience_, *kept));
    }
    if (arguments_.action == "curl") return start_curl(*kept);
    json::object about{{"url", url_.origin + url_.path},
                       {"aud", audience_},
                       {"expires_at", format_rfc3339(kept->expires_at)}};
    if (arguments_.action == "token") about["token"] = kept->token;
    if (output == Output::Json)
      std::cout << json::serialize(about) << "\n";
    else if (arguments_.action == "token")
      std::cout << kept->token << "\n";
    else
      std::cout << "Signed in to " << url_.host << " until " << format_rfc3339(kept->expires_at)
                << ".\n";
    return kExitOk;
  }

  Try<net::HttpResponse> get(const std::string& target, net::Headers headers = {}) const {
    net::OutboundRequest request;
    request.url = url_.origin + target;
    request.headers = std::move(headers);
    request.resolve = arguments_.resolve;
    auto answer = client_->send(request);
    if (!answer) return std::unexpected(answer.error().message);
    return std::move(*answer);
  }

  [[nodiscard]] Try<std::string> ask_audience() const {
    const auto answer =
        GATEHOUSE_TRY(get("/cdn-cgi/access/cli/application?path=" + percent_encode(url_.path)));
    const auto body = json::parse(answer.body);
    const auto audience = answer.status == 200 && body && body->is_object()
                              ? json::find_string(body->get_object(), "aud")
                              : std::nullopt;
    if (audience) return std::string(*audience);
    return std::unexpected(
        answer.status >= 500
            ? fmt::format("the gateway of `{}` answered {}", url_.host, answer.status)
            : fmt::format("`{}{}` is no application behind a Gatehouse that knows this command",
                          url_.origin, url_.path));
  }

  // The kept token, if the gateway still takes it.
  [[nodiscard]] Try<std::optional<KeptToken>> live_token() const {
    auto kept = GATEHOUSE_TRY(files_.find(url_.origin, audience_, system_now()));
    if (!kept) return std::nullopt;
    const auto answer = GATEHOUSE_TRY(
        get("/cdn-cgi/access/get-identity", {{"Cookie", "CF_Authorization=" + kept->token}}));
    if (answer.status == 200) return kept;
    if (answer.status != 401)
      return std::unexpected(
          fmt::format("the gateway of `{}` answered {}", url_.host, answer.status));
    files_.remove(url_.origin, audience_);
    return std::nullopt;
  }

  [[nodiscard]] Try<KeptToken> sign_in() const {
    const auto private_key = random_bytes(crypto::kBoxKeyBytes);
    const auto public_key = base64url_encode(crypto::box_public_key(private_key));
    const auto secret = random_base64url(32);
    const auto address =
        fmt::format("{}/cdn-cgi/access/cli?path={}&key={}&id={}", url_.origin,
                    percent_encode(url_.path), public_key, controlplane::transfer_id(secret));
    std::cerr << "Sign in with a browser at\n\n  " << address
              << "\n\nand confirm there. The page shows the code "
              << controlplane::transfer_code(public_key) << "\n"
              << std::flush;
    open_browser(address);
    const auto end = std::chrono::steady_clock::now() + kWaitForSignIn;
    auto pause = kFirstPause;
    while (std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 5 / 4, kLongestPause);
      const auto answer = get("/cdn-cgi/access/cli/transfer/" + secret);
      // A network that is away for a moment, or a gateway that starts again.
      if (!answer || answer->status != 200) continue;
      const auto body = json::parse(answer->body);
      const auto sealed = body && body->is_object()
                              ? json::find_string(body->get_object(), "sealed")
                              : std::nullopt;
      const auto box = sealed ? base64url_decode(*sealed) : std::nullopt;
      const auto opened =
          box ? crypto::open_with_key(private_key, controlplane::kTransferPurpose, *box)
              : std::nullopt;
      auto token = opened ? read_token(*opened) : std::nullopt;
      if (!token) return std::unexpected("what the gateway sent cannot be opened");
      return std::move(*token);
    }
    return std::unexpected("nobody confirmed the sign-in within ten minutes");
  }

  // Where there is a display. What the browser says goes nowhere: stdout is for the result.
  static void open_browser(const std::string& address) {
    const auto is_set = [](const char* name) {
      const char* const value = std::getenv(name);
      return value != nullptr && *value != '\0';
    };
    if (!is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY")) return;
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0) return;
    const auto started = spawn({"/usr/bin/xdg-open", address},
                               {.standard_output = nowhere, .standard_error = nowhere});
    ::close(nowhere);
    if (started) static_cast<void>(wait_for_end(*started, 2000));
  }

  // In place of this process. The token stands in a cookie file that is bound to the host and to
  // https: neither ps nor the host of a redirect or of another URL gets to see it.
  Try<int> start_curl(const KeptToken& kept) const {
    const auto cookies = fmt::format(
        "# Netscape HTTP Cookie File\n#HttpOnly_{}\tFALSE\t/\tTRUE\t{}\tCF_Authorization\t{}\n",
        url_.host, to_epoch_seconds(kept.expires_at), kept.token);
    const int file = ::memfd_create("cookies", 0);
    if (file < 0 ||
        ::write(file, cookies.data(), cookies.size()) != static_cast<ssize_t>(cookies.size()))
      return std::unexpected("cannot hand the token to curl");
    std::vector<std::string> words{"curl", "--cookie", fmt::format("/dev/fd/{}", file)};
    if (!arguments_.ca_file.empty()) words.insert(words.end(), {"--cacert", arguments_.ca_file});
    if (!arguments_.resolve.empty()) words.insert(words.end(), {"--resolve", arguments_.resolve});
    words.push_back(arguments_.url);
    words.insert(words.end(), arguments_.curl_arguments.begin(), arguments_.curl_arguments.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execvp("curl", argv.data());
    return std::unexpected(
        fmt::format("cannot start curl: {}", std::generic_category().message(errno)));
  }

  const AccessArguments& arguments_;
  const ApplicationUrl url_;
  const std::unique_ptr<net::HttpClient> client_;
  const TokenFiles files_;
  std::string audience_;
};

}  // namespace

std::vector<std::string> take_curl_arguments(std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front() != "access") return {};
  const auto action = std::ranges::find(arguments, "curl");
  if (arguments.end() - action < 3 || action[1].starts_with('-')) return {};
  std::vector<std::string> taken(action + 2, arguments.end());
  arguments.erase(action + 2, arguments.end());
  return taken;
}

std::optional<ApplicationUrl> read_application_url(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  if (!ascii_iequals(url.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  if (std::ranges::any_of(url, [](char c) { return c <= 0x20 || c >= 0x7f || c == '\\'; }))
    return std::nullopt;
  const auto rest = url.substr(kScheme.size());
  const auto authority = rest.substr(0, rest.find_first_of("/?#"));
  auto path = rest.substr(authority.size());
  path = path.substr(0, path.find_first_of("?#"));
  const auto colon = authority.find(':');
  const auto host = ascii_lower(authority.substr(0, colon));
  const auto port = colon == std::string_view::npos ? "" : authority.substr(colon);
  if (host.empty() ||
      host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") != std::string::npos)
    return std::nullopt;
  if (port.size() == 1 || port.size() > 6 ||
      port.find_first_not_of("0123456789", 1) != std::string_view::npos)
    return std::nullopt;
  return ApplicationUrl{fmt::format("https://{}{}", host, port == ":443" ? "" : port), host,
                        path.empty() ? "/" : std::string(path)};
}

std::filesystem::path TokenFiles::default_directory() {
  const char* const state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::filesystem::path(state) / "gatehouse/access";
  const char* const home = std::getenv("HOME");
  if (home == nullptr || *home != '/') return {};
  return std::filesystem::path(home) / ".local/state/gatehouse/access";
}

std::filesystem::path TokenFiles::file_of(std::string_view origin,
                                          std::string_view audience) const {
  return directory_ /
         (hex_encode(crypto::sha256(fmt::format("{} {}", origin, audience))) + ".json");
}

std::expected<std::optional<KeptToken>, std::string> TokenFiles::find(std::string_view origin,
                                                                      std::string_view audience,
                                                                      Instant now) const {
  const auto file = file_of(origin, audience);
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) return std::nullopt;
  GATEHOUSE_TRY_VOID(check_private(directory_, S_IFDIR));
  GATEHOUSE_TRY_VOID(check_private(file, S_IFREG));
  const auto text = read_file(file, kMaxTokenFile);
  if (!text) return std::unexpected(text.error().message);
  auto kept = read_token(*text);
  if (kept && now < kept->expires_at) return kept;
  std::filesystem::remove(file, ignored);
  return std::nullopt;
}

std::expected<void, std::string> TokenFiles::put(std::string_view origin, std::string_view audience,
                                                 const KeptToken& token) const {
  std::error_code ignored;
  std::filesystem::create_directories(directory_.parent_path(), ignored);
  if (const auto made = make_directory(directory_, 0700); !made)
    return std::unexpected(made.error().message);
  GATEHOUSE_TRY_VOID(check_private(directory_, S_IFDIR));
  const json::object document{{"origin", origin},
                              {"aud", audience},
                              {"expires_at", to_epoch_seconds(token.expires_at)},
                              {"token", token.token}};
  const auto written =
      write_file_atomically(file_of(origin, audience), json::serialize(document) + "\n", 0600);
  if (!written) return std::unexpected(written.error().message);
  return {};
}

void TokenFiles::remove(std::string_view origin, std::string_view audience) const {
  std::error_code ignored;
  std::filesystem::remove(file_of(origin, audience), ignored);
}

void TokenFiles::remove_expired(Instant now) const {
  std::error_code problem;
  std::vector<std::filesystem::path> ended;
  for (std::filesystem::directory_iterator at(directory_, problem), end; !problem && at != end;
       at.increment(problem)) {
    if (at->path().extension() != ".json" || !check_private(at->path(), S_IFREG)) continue;
    const auto text = read_file(at->path(), kMaxTokenFile);
    const auto kept = text ? read_token(*text) : std::nullopt;
    if (kept && now >= kept->expires_at) ended.push_back(at->path());
  }
  for (const auto& file : ended) std::filesystem::remove(file, problem);
}

int access(const AccessArguments& arguments, Output output) {
  auto url = read_application_url(arguments.url);
  if (!url) {
    std::cerr << "gatehouse: url: `" << printable(arguments.url)
              << "` is not an address like https://wiki.example.com/\n";
    return kExitUsage;
  }
  auto directory = TokenFiles::default_directory();
  if (directory.empty()) {
    std::cerr << "gatehouse: XDG_STATE_HOME or HOME must say where tokens are kept\n";
    return kExitUsage;
  }
  return Command(arguments, std::move(*url), std::move(directory)).run(output);
}

}  // namespace gatehouse::apps
