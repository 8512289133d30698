#include <fmt/format.h>

#include "adapters/access/endpoints.h"
#include "base/encoding.h"
#include "decision/reason.h"

namespace gatehouse::adapters {
namespace {

std::string list_item(const controlplane::ApplicationLink& link) {
  const bool open = link.obstacle == decision::Reason::None;
  const auto& info = decision::info(link.obstacle);
  const auto hint = open ? std::string()
                         : fmt::format("<small>{}. {}</small>", html_escape(info.title),
                                       html_escape(info.advice));
  const auto name = html_escape(link.name);
  if (link.url.empty()) return fmt::format("<li><p>{} {}</p></li>\n", name, hint);
  return fmt::format("<li><a class=\"button method\" href=\"{}\"><span>{}</span>{}</a></li>\n",
                     html_escape(link.url), name, hint);
}

}  // namespace

std::string home_page(const controlplane::Home& home) {
  const auto organization = html_escape(home.organization);
  std::string content;
  if (home.email.empty()) {
    content =
        "<p class=\"lead\">You are not signed in. Open one of your applications to sign in.</p>\n";
  } else {
    content = fmt::format("<p class=\"lead\">Signed in as <strong>{}</strong></p>\n",
                          html_escape(home.email));
    if (home.applications.empty()) {
      content += "<p>There is no application for you here.</p>\n";
    } else {
      content += "<ul class=\"methods\">\n";
      for (const auto& link : home.applications) content += list_item(link);
      content += "</ul>\n";
    }
    content +=
        "<div class=\"actions\"><a class=\"button\" href=\"/cdn-cgi/access/logout\">Sign "
        "out</a></div>\n";
  }
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"robots\" content=\"noindex\">\n<title>{0}</title>\n"
      "<link rel=\"stylesheet\" href=\"/cdn-cgi/access/static/gatehouse.css\">\n</head>\n<body>\n"
      "<header class=\"brand\"><span>{0}</span></header>\n<main class=\"card\">\n"
      "<h1>Applications</h1>\n{1}</main>\n</body>\n</html>\n",
      organization, content);
}

}  // namespace gatehouse::adapters
