#include "base/secret.h"

#include <cstring>

namespace gatehouse {

void Secret::wipe() {
  // The whole buffer, not only the text: a moved-from short string keeps its characters in place.
  // Within the capacity, resize allocates nothing.
  value_.resize(value_.capacity());
  explicit_bzero(value_.data(), value_.size());
  value_.clear();
}

}  // namespace gatehouse
