#include "adapters/access/user_agent.h"

#include <array>
#include <span>

namespace gatehouse::adapters {
namespace {

struct Sign {
  std::string_view token;
  std::string_view name;
};
// In this order: later ones are named in the headers of earlier ones, too.
constexpr std::array kBrowsers{std::to_array<Sign>({
    {"Edg", "Edge"},
    {"OPR/", "Opera"},
    {"SamsungBrowser/", "Samsung Internet"},
    {"Firefox/", "Firefox"},
    {"FxiOS/", "Firefox"},
    {"CriOS/", "Chrome"},
    {"Chrome/", "Chrome"},
    {"Chromium/", "Chromium"},
    {"Safari/", "Safari"},
    {"curl/", "curl"},
})};
constexpr std::array kSystems{std::to_array<Sign>({
    {"iPhone", "iPhone"},
    {"iPad", "iPad"},
    {"Android", "Android"},
    {"CrOS", "ChromeOS"},
    {"Windows", "Windows"},
    {"Macintosh", "macOS"},
    {"Linux", "Linux"},
})};

std::string_view find(std::span<const Sign> signs, std::string_view text) {
  for (const auto& sign : signs)
    if (text.find(sign.token) != std::string_view::npos) return sign.name;
  return {};
}

}  // namespace

std::string browser_name(std::string_view user_agent) {
  std::string name(find(kBrowsers, user_agent));
  const auto system = find(kSystems, user_agent);
  if (!name.empty() && !system.empty()) name += " · ";
  return name.append(system);
}

}  // namespace gatehouse::adapters
