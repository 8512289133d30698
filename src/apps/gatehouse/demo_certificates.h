// A certificate authority of the demo's own and a server certificate from it.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

namespace gatehouse::apps {

struct DemoCertificates {
  std::filesystem::path authority;    // PEM, for browsers that should trust the demo
  std::filesystem::path certificate;  // PEM
  std::filesystem::path key;          // PEM, mode 0600
};

// Makes what is missing in `directory`; valid for two years for `host_pattern` (`*.x.localhost`).
[[nodiscard]] std::expected<DemoCertificates, std::string> make_demo_certificates(
    const std::filesystem::path& directory, const std::string& host_pattern);

}  // namespace gatehouse::apps
