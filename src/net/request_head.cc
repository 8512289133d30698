#include "net/request_head.h"

namespace gatehouse::net {

HeadScan scan_head(std::string_view received, std::size_t scanned) {
  constexpr HeadScan kMalformed{HeadState::Malformed, 0};
  for (std::size_t i = scanned; i < received.size(); ++i) {
    const char c = received[i];
    const char before = i > 0 ? received[i - 1] : '\n';
    if (c == '\n') {
      if (before != '\r' || i == 1) return kMalformed;
      if (i >= 3 && received.substr(i - 3, 4) == "\r\n\r\n") return {HeadState::Complete, i + 1};
      continue;
    }
    if (before == '\r') return kMalformed;
    if ((c == ' ' || c == '\t') && before == '\n') return kMalformed;
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\r' && c != '\t') || byte == 0x7f) return kMalformed;
  }
  return {};
}

}  // namespace gatehouse::net
