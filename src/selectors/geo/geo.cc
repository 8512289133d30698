#include "selectors/geo/geo.h"

#include "base/try.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

class GeoMatcher final : public decision::Matcher {
 public:
  explicit GeoMatcher(OneOf countries) : countries_(std::move(countries)) {}

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    if (evidence.identity_only || evidence.country.empty())
      return {Truth::Indeterminate, Reason::CountryUnknown};
    if (countries_.holds(evidence.country)) return decision::kTrue;
    return {Truth::False, Reason::CountryNotPermitted};
  }
  [[nodiscard]] std::string describe() const override { return countries_.description(); }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    if (evidence.country.empty()) return {"country not known", {}};
    return {"country " + std::string(evidence.country), {}};
  }
  [[nodiscard]] Reason reason_when_excluded() const override { return Reason::CountryNotPermitted; }

 private:
  OneOf countries_;
};

// Two letters, in upper case.
std::optional<std::string> read_country(std::string_view text) {
  if (text.size() != 2) return std::nullopt;
  std::string code(text);
  for (char& letter : code) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    if (letter < 'A' || letter > 'Z') return std::nullopt;
  }
  return code;
}

}  // namespace

Compiled compile_geo(Values values, decision::Combine combine, const decision::CompileContext&) {
  auto countries = GATEHOUSE_TRY(read_values(
      values, "country_code", "must be a country of ISO 3166-1 such as `DE`", read_country));
  return std::make_unique<GeoMatcher>(OneOf("country", "countries", combine, std::move(countries)));
}

}  // namespace gatehouse::selectors
