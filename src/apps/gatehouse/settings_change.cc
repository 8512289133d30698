#include "apps/gatehouse/settings_change.h"

#include <cstdint>
#include <string_view>

namespace gatehouse::apps {
namespace {

using configuration::Settings;

enum class Takes : std::uint8_t { AtOnce, AtNextStart };

struct Setting {
  std::string_view name;
  Takes takes;
  bool (*same)(const Settings& a, const Settings& b);
  void (*copy)(const Settings& from, Settings& to);
};

// `Member` chooses it, from constant and from mutable settings.
template <typename Member>
constexpr Setting setting(std::string_view name, Takes takes, Member) {
  return {name, takes,
          [](const Settings& a, const Settings& b) { return Member{}(a) == Member{}(b); },
          [](const Settings& from, Settings& to) { Member{}(to) = Member{}(from); }};
}

constexpr Setting kSettings[] = {
    setting("state_directory", Takes::AtNextStart,
            [](auto& s) -> auto& { return s.state_directory; }),
    setting("store", Takes::AtNextStart, [](auto& s) -> auto& { return s.store; }),
    setting("listen.address", Takes::AtOnce, [](auto& s) -> auto& { return s.listen.address; }),
    setting("listen.https_port", Takes::AtNextStart,
            [](auto& s) -> auto& { return s.listen.https_port; }),
    setting("listen.http_port", Takes::AtOnce, [](auto& s) -> auto& { return s.listen.http_port; }),
    setting("listen.public_https_port", Takes::AtNextStart,
            [](auto& s) -> auto& { return s.listen.public_https_port; }),
    setting("certificates", Takes::AtOnce, [](auto& s) -> auto& { return s.certificates; }),
    setting("smtp.host", Takes::AtNextStart, [](auto& s) -> auto& { return s.smtp.host; }),
    setting("smtp.port", Takes::AtNextStart, [](auto& s) -> auto& { return s.smtp.port; }),
    setting("smtp.security", Takes::AtNextStart, [](auto& s) -> auto& { return s.smtp.security; }),
    setting("smtp.from", Takes::AtNextStart, [](auto& s) -> auto& { return s.smtp.from; }),
    setting("smtp.username", Takes::AtNextStart, [](auto& s) -> auto& { return s.smtp.username; }),
    {"smtp.password", Takes::AtNextStart,
     [](const Settings& a, const Settings& b) {
       return a.smtp.password.reveal() == b.smtp.password.reveal();
     },
     [](const Settings& from, Settings& to) { to.smtp.password = from.smtp.password; }},
    setting("nginx.binary", Takes::AtNextStart, [](auto& s) -> auto& { return s.nginx_binary; }),
    setting("nginx.module", Takes::AtNextStart, [](auto& s) -> auto& { return s.nginx_module; }),
    setting("nginx.workers", Takes::AtOnce, [](auto& s) -> auto& { return s.nginx_workers; }),
    setting("nginx.user", Takes::AtNextStart, [](auto& s) -> auto& { return s.nginx_user; }),
    setting("outbound_ca_file", Takes::AtNextStart,
            [](auto& s) -> auto& { return s.outbound_ca_file; }),
    setting("log_level", Takes::AtNextStart, [](auto& s) -> auto& { return s.log_level; }),
    setting("country_database", Takes::AtOnce, [](auto& s) -> auto& { return s.country_database; }),
    setting("decision_log", Takes::AtOnce, [](auto& s) -> auto& { return s.decision_log; }),
    setting("forward_auth", Takes::AtNextStart, [](auto& s) -> auto& { return s.forward_auth; }),
    setting("api", Takes::AtOnce, [](auto& s) -> auto& { return s.api; }),
    setting("dashboard", Takes::AtNextStart, [](auto& s) -> auto& { return s.dashboard; }),
};

}  // namespace

SettingsChange compare_settings(const Settings& running, const Settings& wanted) {
  SettingsChange change;
  change.settings = running;
  for (const auto& one : kSettings) {
    if (one.same(running, wanted)) continue;
    if (one.takes == Takes::AtOnce) {
      change.at_once.emplace_back(one.name);
      one.copy(wanted, change.settings);
    } else {
      change.at_next_start.emplace_back(one.name);
    }
  }
  return change;
}

dataplane::LogLimits log_limits(const Settings& settings) {
  return {settings.decision_log.max_bytes, settings.decision_log.files};
}

}  // namespace gatehouse::apps
