// `gatehouse access`: applications behind a gateway, for people at a command line. Talks to the
// gateway over HTTPS only; needs no gateway on this machine. docs/guides/command-line.md.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gatehouse/commands.h"
#include "base/time.h"

namespace gatehouse::apps {

inline constexpr int kExitNotSignedIn = 3;

struct AccessArguments {
  std::string action;
  std::string url;
  std::string ca_file;
  std::string resolve;
  std::vector<std::string> curl_arguments;
};
[[nodiscard]] int access(const AccessArguments& arguments, Output output);

// What follows the URL of `access curl URL ...` is curl's own: taken out of the arguments (without
// the program's name), so that no option of it is read as ours.
[[nodiscard]] std::vector<std::string> take_curl_arguments(std::vector<std::string>& arguments);

struct ApplicationUrl {
  std::string origin;  // https://host[:port]
  std::string host;    // lower case
  std::string path;    // without query
};
// nullopt: not an https URL of a plain host, or one with a user name.
[[nodiscard]] std::optional<ApplicationUrl> read_application_url(std::string_view url);

struct KeptToken {
  std::string token;
  Instant expires_at{};
};
// The tokens of this user, one file for each origin and audience. Errors are texts for people:
// whatever others could read or have written is refused.
class TokenFiles {
 public:
  explicit TokenFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}
  // Of XDG_STATE_HOME, else of the home directory; empty: neither is known.
  [[nodiscard]] static std::filesystem::path default_directory();
  // nullopt: none that counts at `now`.
  [[nodiscard]] std::expected<std::optional<KeptToken>, std::string> find(std::string_view origin,
                                                                          std::string_view audience,
                                                                          Instant now) const;
  [[nodiscard]] std::expected<void, std::string> put(std::string_view origin,
                                                     std::string_view audience,
                                                     const KeptToken& token) const;
  void remove(std::string_view origin, std::string_view audience) const;
  // Those that have ended.
  void remove_expired(Instant now) const;

 private:
  [[nodiscard]] std::filesystem::path file_of(std::string_view origin,
                                              std::string_view audience) const;
  std::filesystem::path directory_;
};

}  // namespace gatehouse::apps
