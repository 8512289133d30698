// Parsers of what a client sends: request heads, cookies, forms.
// The first line of the input is the cookie line; the whole of it is the form and the head.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/encoding.h"
#include "net/http.h"
#include "net/request_head.h"

namespace net = gatehouse::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  if (const auto form = net::parse_form(text)) {
    // What was decoded survives encoding and decoding again.
    std::string again;
    for (const auto& [name, value] : *form)
      again += gatehouse::percent_encode(name) + "=" + gatehouse::percent_encode(value) + "&";
    if (net::parse_form(again) != form) std::abort();
  }

  net::HttpRequest request;
  request.query = request.body = std::string(text);
  request.headers = {{"Cookie", std::string(text.substr(0, text.find('\n')))},
                     {"cookie", std::string(text)}};
  const auto cookie = request.cookie("CF_Authorization");
  if (cookie && cookie->find(';') != std::string::npos) std::abort();
  if (request.query_parameter("code") != request.form_parameter("code")) std::abort();

  // A head is found at the same place however the bytes arrive.
  const auto whole = net::scan_head(text, 0);
  const auto first = net::scan_head(text.substr(0, size / 2), 0);
  if (first.state == net::HeadState::Incomplete) {
    const auto rest = net::scan_head(text, size / 2);
    if (rest.state != whole.state || rest.bytes != whole.bytes) std::abort();
  } else if (first.state != whole.state || first.bytes != whole.bytes) {
    std::abort();
  }
  return 0;
}
