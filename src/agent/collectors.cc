#include "agent/collector.h"
#include "agent/hostname/hostname.h"
#include "agent/os_version/os_version.h"

namespace gatehouse::agent {
namespace {

constexpr Collector kCollectors[] = {collect_hostname, collect_os_version};

}  // namespace

json::object collect_device() {
  json::object device;
  for (const Collector collect : kCollectors) collect(device);
  return device;
}

}  // namespace gatehouse::agent
