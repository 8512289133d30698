// GATEHOUSE_CHECK(condition, "why it must hold"): a bug, never an input error. Throws
// InvariantViolation, which only the three catch-alls of STYLE.md may catch.
#pragma once

#include <stdexcept>
#include <string>

namespace gatehouse {

class InvariantViolation : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace gatehouse

#define GATEHOUSE_CHECK(condition, why)                                                        \
  do {                                                                                         \
    if (!(condition))                                                                          \
      throw ::gatehouse::InvariantViolation(std::string(__FILE__) + ":" +                      \
                                            std::to_string(__LINE__) + ": " + (why));          \
  } while (false)
