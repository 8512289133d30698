// Restoring arbitrary bytes: an error or a store that can be backed up again, never a crash.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

#include "storage/store.h"

namespace {

// One empty store in a temporary folder, for all inputs.
class FuzzStore {
 public:
  FuzzStore() {
    folder_ = (std::filesystem::temp_directory_path() / "gatehouse-fuzz-XXXXXX").string();
    if (::mkdtemp(folder_.data()) == nullptr) std::abort();
    auto opened = gatehouse::storage::open_store("sqlite://" + folder_ + "/gatehouse.db");
    if (!opened) std::abort();
    store_ = std::move(*opened);
  }
  FuzzStore(const FuzzStore&) = delete;
  FuzzStore& operator=(const FuzzStore&) = delete;
  ~FuzzStore() {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  gatehouse::storage::Store& get() { return *store_; }

 private:
  std::string folder_;
  std::unique_ptr<gatehouse::storage::Store> store_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static FuzzStore store;
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  if (!store.get().load(in)) return 0;
  std::ostringstream out;
  if (!store.get().dump(out)) std::abort();
  return 0;
}
