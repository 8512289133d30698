// What a proxy says about a request. Each line of the input is a header; the first line is the path
// of the request itself.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/forward_auth/original_request.h"

namespace adapters = gatehouse::adapters;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto next_line = [&rest] {
    const auto end = rest.find('\n');
    const std::string line(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
  };
  gatehouse::net::HttpRequest request;
  request.method = "GET";
  request.target = std::string(adapters::kExtAuthzPrefix) + next_line();
  while (!rest.empty()) {
    const std::string line = next_line();
    const auto colon = line.find(": ");
    if (colon != std::string::npos)
      request.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  const gatehouse::IpRanges trusted({*gatehouse::IpNetwork::parse("192.0.2.0/24")});
  using Form = adapters::ForwardAuthForm;
  for (const Form form : {Form::Forwarded, Form::Nginx, Form::ExtAuthz}) {
    const auto original = adapters::read_original_request(form, request, trusted);
    if (!original) {
      if (original.error().empty()) std::abort();
      continue;
    }
    if (!original->target.starts_with('/') || original->host.empty() || original->method.empty() ||
        original->host.find_first_of(":/ ") != std::string::npos ||
        original->target.find_first_of(std::string_view(" \t\r\n\0", 5)) != std::string::npos)
      std::abort();
  }
  return 0;
}
