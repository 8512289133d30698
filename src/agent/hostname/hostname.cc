#include "agent/hostname/hostname.h"

#include <unistd.h>

#include "base/encoding.h"

namespace gatehouse::agent {

void collect_hostname(json::object& device) {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0' && is_valid_utf8(name)) {
    device["hostname"] = name;
  }
}

}  // namespace gatehouse::agent
