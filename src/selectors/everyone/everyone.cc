#include "selectors/everyone/everyone.h"

#include "base/try.h"

namespace gatehouse::selectors {
namespace {

class EveryoneMatcher final : public decision::Matcher {
 public:
  [[nodiscard]] decision::Match match(const decision::Snapshot&, const decision::Evidence&,
                                      Instant) const override {
    return decision::kTrue;
  }
  [[nodiscard]] std::string describe() const override { return "everyone"; }
};

}  // namespace

Compiled compile_everyone(Values values, decision::Combine, const decision::CompileContext&) {
  for (std::size_t index = 0; index < values.size(); ++index)
    GATEHOUSE_TRY_VOID(ValueReader(*values[index], index).only({}));
  return std::make_unique<EveryoneMatcher>();
}

}  // namespace gatehouse::selectors
