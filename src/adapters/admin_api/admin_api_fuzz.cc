// A request to the administration API: the first line is its method, the second its path below the
// account (or from `/` on), the rest its body. Whatever it is, the answer is an envelope and no
// failure of ours; what it changed is undone.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/admin_api/admin_api.h"
#include "controlplane/api_token.h"
#include "controlplane/test_support.h"

namespace {

using namespace gatehouse;

struct Api {
  Api() {
    gateway.apply(controlplane::test::sample_document());
    account = controlplane::account_id(*gateway.store).value();
    sample = *gateway.gateway->resources();
    sequence = gateway.gateway->snapshot()->sequence();
    storage::ApiToken root;
    root.name = "root";
    root.role = storage::Role::Administrator;
    router = adapters::make_admin_api_router(
        {.services = {
             .gateway = *gateway.gateway,
             .explain = [](const json::value&) -> std::expected<json::object, std::string> {
               return std::unexpected("nothing is explained here");
             },
             .health = [] { return json::object{}; },
             .decisions = [](const dataplane::DecisionsAsked&)
                 -> std::optional<dataplane::DecisionsFound> { return std::nullopt; },
             .version = "0"},
         .allowed_networks = {},
         .requests = 0,
         .trusted = std::move(root)});
  }

  void undo() {
    if (gateway.gateway->snapshot()->sequence() == sequence) return;
    const auto undone = gateway.gateway->apply(sample, {"fuzz", "", ""}, {.prune = true});
    if (!undone) std::abort();
    sequence = gateway.gateway->snapshot()->sequence();
  }

  controlplane::test::TestGateway gateway;
  std::string account;
  model::Resources sample;
  std::uint64_t sequence = 0;
  net::Router router;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Api api;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto next_line = [&rest] {
    const auto end = rest.find('\n');
    std::string line(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
  };
  net::HttpRequest request;
  request.method = next_line();
  request.target = next_line();
  if (!request.target.starts_with('/'))
    request.target = "/client/v4/accounts/" + api.account + "/" + request.target;
  const auto mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
  request.body = rest;
  request.headers = {{"Content-Type", "application/json"}};

  const auto response = api.router(request).handler(request);
  if (response.status < 200 || response.status >= 500) std::abort();
  if (response.status != 204) {
    const auto body =
        json::parse(response.body, {.max_bytes = std::size_t{64} << 20, .max_depth = 64});
    if (!body || !body->is_object()) std::abort();
    const bool is_success = json::find_bool(body->get_object(), "success").value_or(false);
    const auto* errors = json::find_array(body->get_object(), "errors");
    if (is_success != (response.status < 300) || errors == nullptr || errors->empty() != is_success)
      std::abort();
  }
  api.undo();
  return 0;
}
