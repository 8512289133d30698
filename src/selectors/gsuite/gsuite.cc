#include "selectors/gsuite/gsuite.h"

#include "base/try.h"
#include "model/identity.h"
#include "selectors/provider.h"

namespace gatehouse::selectors {

Compiled compile_gsuite(Values values, decision::Combine combine,
                        const decision::CompileContext& context) {
  constexpr std::string_view kExpected =
      "must be the address of a group such as `staff@example.com`";
  std::vector<ProviderGroup> groups;
  for (std::size_t index = 0; index < values.size(); ++index) {
    const ValueReader reader(*values[index], index);
    GATEHOUSE_TRY_VOID(reader.only({"email", "identity_provider_id"}));
    auto address = model::canonical_email(GATEHOUSE_TRY(reader.text("email", kExpected)));
    if (!address) return std::unexpected(reader.error("email", kExpected));
    groups.push_back({GATEHOUSE_TRY(reader.identity_provider(context)), *std::move(address)});
  }
  // What equals a canonical address but for letter case has it for its canonical form.
  return match_provider_groups("Google group", LetterCase::AsciiFolded, combine, std::move(groups));
}

}  // namespace gatehouse::selectors
