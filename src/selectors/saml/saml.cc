#include "selectors/saml/saml.h"

#include "base/try.h"
#include "selectors/provider.h"

namespace gatehouse::selectors {

Compiled compile_saml(Values values, decision::Combine combine,
                      const decision::CompileContext& context) {
  std::vector<ProviderAttribute> wanted;
  for (std::size_t index = 0; index < values.size(); ++index) {
    const ValueReader reader(*values[index], index);
    GATEHOUSE_TRY_VOID(reader.only({"attribute_name", "attribute_value", "identity_provider_id"}));
    auto name = GATEHOUSE_TRY(reader.text("attribute_name", "must be the name of an attribute"));
    auto value = GATEHOUSE_TRY(
        reader.text("attribute_value", "must be the value of the attribute, as text"));
    wanted.push_back(
        {GATEHOUSE_TRY(reader.identity_provider(context)), std::move(name), std::move(value)});
  }
  return match_provider_attributes("SAML attribute", &model::Identity::saml_attributes, combine,
                                   std::move(wanted));
}

}  // namespace gatehouse::selectors
