#include <filesystem>

#include "apps/gatehouse/serve.h"
#include "controlplane/profile_check.h"
#include "model/limits.h"
#include "platform/file.h"
#include "selectors/registry.h"

namespace gatehouse::apps {

std::expected<configuration::File, std::vector<configuration::Problem>> load_configuration(
    const std::string& path) {
  const auto text = read_file(path, model::kMaxConfigurationBytes);
  if (!text) {
    return std::unexpected(std::vector{configuration::Problem{path, 0, "", text.error().message}});
  }
  const std::filesystem::path absolute = std::filesystem::absolute(path);
  auto file =
      configuration::parse(path, absolute.parent_path().string(), *text, selectors::registry(),
                           [](const std::string& secret) -> std::optional<std::string> {
                             auto content = read_file(secret, 64 * 1024);
                             if (!content) return std::nullopt;
                             return std::move(*content);
                           });
  if (!file) return file;
  std::vector<configuration::Problem> problems;
  for (const auto& problem : controlplane::check_profiles(file->resources)) {
    problems.push_back(file->place(problem));
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return file;
}

std::string store_url(const configuration::Settings& settings) {
  if (!settings.store.empty()) return settings.store;
  return "sqlite://" + (std::filesystem::path(settings.state_directory) / "gatehouse.db").string();
}

}  // namespace gatehouse::apps
