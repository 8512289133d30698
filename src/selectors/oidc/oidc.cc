#include "selectors/oidc/oidc.h"

#include "base/try.h"
#include "selectors/provider.h"

namespace gatehouse::selectors {

Compiled compile_oidc(Values values, decision::Combine combine,
                      const decision::CompileContext& context) {
  std::vector<ProviderAttribute> wanted;
  for (std::size_t index = 0; index < values.size(); ++index) {
    const ValueReader reader(*values[index], index);
    GATEHOUSE_TRY_VOID(reader.only({"claim_name", "claim_value", "identity_provider_id"}));
    auto name = GATEHOUSE_TRY(reader.text("claim_name", "must be the name of a claim"));
    auto value =
        GATEHOUSE_TRY(reader.text("claim_value", "must be the value of the claim, as text"));
    wanted.push_back(
        {GATEHOUSE_TRY(reader.identity_provider(context)), std::move(name), std::move(value)});
  }
  return match_provider_attributes("claim", &model::Identity::claims, combine, std::move(wanted));
}

}  // namespace gatehouse::selectors
