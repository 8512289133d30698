#include "selectors/okta/okta.h"

#include "base/try.h"
#include "selectors/provider.h"

namespace gatehouse::selectors {

Compiled compile_okta(Values values, decision::Combine combine,
                      const decision::CompileContext& context) {
  std::vector<ProviderGroup> groups;
  for (std::size_t index = 0; index < values.size(); ++index) {
    const ValueReader reader(*values[index], index);
    GATEHOUSE_TRY_VOID(reader.only({"name", "identity_provider_id"}));
    auto name = GATEHOUSE_TRY(reader.text("name", "must be the name of a group"));
    groups.push_back({GATEHOUSE_TRY(reader.identity_provider(context)), std::move(name)});
  }
  return match_provider_groups("Okta group", LetterCase::Exact, combine, std::move(groups));
}

}  // namespace gatehouse::selectors
