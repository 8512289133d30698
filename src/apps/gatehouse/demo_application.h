// The demo's application: a page that shows what it received from the gateway.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "net/http_server.h"

namespace gatehouse::apps {

[[nodiscard]] std::expected<std::unique_ptr<net::HttpServer>, net::ServerError>
start_demo_application(const std::string& unix_path);

}  // namespace gatehouse::apps
