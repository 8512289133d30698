#include "selectors/azure_ad/azure_ad.h"

#include "base/try.h"
#include "selectors/provider.h"

namespace gatehouse::selectors {

Compiled compile_azure_ad(Values values, decision::Combine combine,
                          const decision::CompileContext& context) {
  std::vector<ProviderGroup> groups;
  for (std::size_t index = 0; index < values.size(); ++index) {
    const ValueReader reader(*values[index], index);
    GATEHOUSE_TRY_VOID(reader.only({"id", "identity_provider_id"}));
    auto name = GATEHOUSE_TRY(reader.text("id", "must be the object id of a group"));
    groups.push_back({GATEHOUSE_TRY(reader.identity_provider(context)), std::move(name)});
  }
  return match_provider_groups("Azure AD group", LetterCase::AsciiFolded, combine,
                               std::move(groups));
}

}  // namespace gatehouse::selectors
