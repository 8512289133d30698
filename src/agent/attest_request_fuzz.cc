// Input: lines as in HTTP (`METHOD TARGET`, then `Name: value`, a blank line, the body).
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "agent/attester.h"

namespace {

using namespace gatehouse;

constexpr std::string_view kOrigin = "https://team.example";

net::HttpRequest request_of(std::string_view text) {
  const auto next_line = [&text] {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    return line;
  };
  net::HttpRequest request;
  const std::string_view first = next_line();
  const std::size_t space = first.find(' ');
  request.method = first.substr(0, space);
  if (space != std::string_view::npos) request.target = first.substr(space + 1);
  request.path = request.target.substr(0, request.target.find('?'));
  while (!text.empty()) {
    const std::string_view line = next_line();
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) break;
    request.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  request.body = text;
  return request;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static agent::Attester attester{
      agent::AttesterParts{jose::PrivateKey::generate_p256(),
                           [] {
                             agent::AgentState state;
                             state.device_id = "d";
                             state.allowed_origins = {std::string(kOrigin)};
                             state.requests_per_second = 1'000'000'000;
                             return std::expected<agent::AgentState, agent::AgentError>(state);
                           },
                           [] { return json::object{}; }, [] { return std::string("id"); },
                           [](const agent::AgentError&) {}}};
  const net::HttpRequest request =
      request_of(std::string_view(reinterpret_cast<const char*>(data), size));
  const net::HttpResponse response =
      attester.handle(request, 17472, from_epoch_seconds(1'700'000'000));
  const bool is_from_our_page =
      request.header("Origin") == kOrigin && request.path == agent::kAttestPath;
  if (response.status == 200 && (!is_from_our_page || request.method != "POST")) std::abort();
  for (const auto& [name, value] : response.headers) {
    if (name == "Access-Control-Allow-Origin" && (!is_from_our_page || value != kOrigin)) {
      std::abort();
    }
  }
  return 0;
}
