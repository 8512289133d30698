#include "model/identity.h"

#include <algorithm>

#include "base/encoding.h"
#include "model/limits.h"

namespace gatehouse::model {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Space, control and invisible characters, which make two addresses look like one. `text` is valid
// UTF-8.
bool has_invisible(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte <= 0x20 || byte == 0x7f) return true;
    const std::string_view two = text.substr(i, 2);
    const std::string_view three = text.substr(i, 3);
    // U+0080 to U+00A0, U+00AD
    if (two.size() == 2 && byte == 0xc2) {
      const auto next = static_cast<unsigned char>(two[1]);
      if (next <= 0xa0 || next == 0xad) return true;
    }
    // U+2000 to U+200F, U+2028 to U+202F, U+205F to U+206F
    if (three.size() == 3 && three.starts_with("\xe2\x80")) {
      const auto last = static_cast<unsigned char>(three[2]);
      if (last <= 0x8f || (last >= 0xa8 && last <= 0xaf)) return true;
    }
    if (three.size() == 3 && three.starts_with("\xe2\x81") &&
        static_cast<unsigned char>(three[2]) >= 0x9f)
      return true;
    // U+3000 and U+FEFF
    if (three == "\xe3\x80\x80" || three == "\xef\xbb\xbf") return true;
  }
  return false;
}

json::array to_json(const std::vector<std::string>& texts) {
  json::array array;
  for (const auto& text : texts) array.emplace_back(text);
  return array;
}

json::object to_json(const Attributes& attributes) {
  json::object object;
  for (const auto& [name, values] : attributes) object[name] = to_json(values);
  return object;
}

json::object to_json(const Identity& identity) {
  json::array organizations;
  for (const auto& organization : identity.organizations)
    organizations.emplace_back(
        json::object{{"name", organization.name}, {"teams", to_json(organization.teams)}});
  return {{"user_id", identity.user_id},
          {"email", identity.email},
          {"name", identity.name},
          {"login_method", identity.login_method},
          {"subject", identity.subject},
          {"groups", to_json(identity.groups)},
          {"groups_known", identity.groups_known},
          {"amr", to_json(identity.amr)},
          {"auth_contexts", to_json(identity.auth_contexts)},
          {"claims", to_json(identity.claims)},
          {"saml_attributes", to_json(identity.saml_attributes)},
          {"organizations", std::move(organizations)},
          {"organizations_known", identity.organizations_known},
          {"authenticated_at", to_epoch_seconds(identity.authenticated_at)}};
}

json::object to_json(const PostureEvidence& evidence) {
  json::object object{{"integration_id", evidence.integration_id},
                      {"device_id", evidence.device_id},
                      {"established_at", to_epoch_seconds(evidence.established_at)},
                      {"hostname", evidence.hostname},
                      {"serial_number", evidence.serial_number}};
  if (evidence.managed) object["managed"] = *evidence.managed;
  if (evidence.last_checkin) object["last_checkin"] = to_epoch_seconds(*evidence.last_checkin);
  if (evidence.patch_compliant) object["patch_compliant"] = *evidence.patch_compliant;
  if (evidence.vulnerability_score) object["vulnerability_score"] = *evidence.vulnerability_score;
  return object;
}

// Reads members one after another and remembers whether each was there and of its type.
class Reader {
 public:
  explicit Reader(const json::object& object) : object_(object) {}

  std::string string(std::string_view key) {
    const auto text = json::find_string(object_, key);
    ok_ = ok_ && text.has_value();
    return std::string(text.value_or(""));
  }
  Instant instant(std::string_view key) {
    // Years 1970 to 9999: arithmetic on what was read cannot overflow.
    constexpr std::int64_t kLast = 253402300799;
    const auto seconds = json::find_int(object_, key);
    ok_ = ok_ && seconds && *seconds >= 0 && *seconds <= kLast;
    return ok_ ? from_epoch_seconds(*seconds) : Instant{};
  }
  std::vector<std::string> strings(std::string_view key) {
    std::vector<std::string> texts;
    for (const auto& element : array(key)) {
      ok_ = ok_ && element.is_string();
      if (ok_) texts.emplace_back(element.get_string());
    }
    return texts;
  }
  // What sessions of an earlier version lack is unknown: these may be absent.
  std::vector<std::string> strings_or_none(std::string_view key) {
    return object_.contains(key) ? strings(key) : std::vector<std::string>{};
  }
  bool flag_or_false(std::string_view key) { return optional_bool(key).value_or(false); }
  const json::array& array_or_none(std::string_view key) {
    static const json::array kNone;
    return object_.contains(key) ? array(key) : kNone;
  }
  Attributes attributes_or_none(std::string_view key) {
    Attributes attributes;
    if (!object_.contains(key)) return attributes;
    const auto* found = json::find_object(object_, key);
    ok_ = ok_ && found != nullptr;
    if (found == nullptr) return attributes;
    Reader inner(*found);
    for (const auto& member : *found) attributes[member.key()] = inner.strings(member.key());
    ok_ = ok_ && inner.ok();
    return attributes;
  }
  const json::array& array(std::string_view key) {
    static const json::array kNone;
    const auto* found = json::find_array(object_, key);
    ok_ = ok_ && found != nullptr;
    return found != nullptr ? *found : kNone;
  }
  // Signals: absent is nullopt, present must be of the type.
  std::optional<bool> optional_bool(std::string_view key) {
    if (!object_.contains(key)) return std::nullopt;
    const auto flag = json::find_bool(object_, key);
    ok_ = ok_ && flag.has_value();
    return flag;
  }
  std::optional<Instant> optional_instant(std::string_view key) {
    if (!object_.contains(key)) return std::nullopt;
    return instant(key);
  }
  std::optional<double> optional_number(std::string_view key) {
    const auto* found = json::find(object_, key);
    if (found == nullptr) return std::nullopt;
    ok_ = ok_ && found->is_number();
    return ok_ ? std::optional(found->to_number<double>()) : std::nullopt;
  }
  void require(bool condition) { ok_ = ok_ && condition; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  const json::object& object_;
  bool ok_ = true;
};

std::optional<Identity> identity_from_json(const json::object& object) {
  Reader read(object);
  Identity identity;
  identity.user_id = read.string("user_id");
  identity.email = read.string("email");
  identity.name = read.string("name");
  identity.login_method = read.string("login_method");
  identity.subject = read.string("subject");
  identity.groups = read.strings("groups");
  identity.groups_known = read.flag_or_false("groups_known");
  identity.amr = read.strings("amr");
  identity.auth_contexts = read.strings_or_none("auth_contexts");
  identity.claims = read.attributes_or_none("claims");
  identity.saml_attributes = read.attributes_or_none("saml_attributes");
  for (const auto& entry : read.array_or_none("organizations")) {
    if (!entry.is_object()) return std::nullopt;
    Reader organization(entry.get_object());
    identity.organizations.push_back({organization.string("name"), organization.strings("teams")});
    read.require(organization.ok());
  }
  identity.organizations_known = read.flag_or_false("organizations_known");
  identity.authenticated_at = read.instant("authenticated_at");
  return read.ok() ? std::optional(std::move(identity)) : std::nullopt;
}

std::optional<PostureEvidence> evidence_from_json(const json::value& document) {
  if (!document.is_object()) return std::nullopt;
  Reader read(document.get_object());
  PostureEvidence evidence;
  evidence.integration_id = read.string("integration_id");
  evidence.device_id = read.string("device_id");
  evidence.established_at = read.instant("established_at");
  evidence.managed = read.optional_bool("managed");
  evidence.last_checkin = read.optional_instant("last_checkin");
  evidence.patch_compliant = read.optional_bool("patch_compliant");
  evidence.vulnerability_score = read.optional_number("vulnerability_score");
  evidence.hostname = read.string("hostname");
  evidence.serial_number = read.string("serial_number");
  return read.ok() ? std::optional(std::move(evidence)) : std::nullopt;
}

std::optional<ApplicationRevocation> revocation_from_json(const json::value& document) {
  if (!document.is_object()) return std::nullopt;
  Reader read(document.get_object());
  ApplicationRevocation revocation{read.string("audience"), read.instant("issued_before")};
  return read.ok() ? std::optional(std::move(revocation)) : std::nullopt;
}

std::optional<EvaluationEvidence> evaluation_from_json(const json::value& document) {
  if (!document.is_object()) return std::nullopt;
  Reader read(document.get_object());
  EvaluationEvidence evaluation;
  evaluation.key = read.string("key");
  evaluation.success = read.flag_or_false("success");
  evaluation.established_at = read.instant("established_at");
  return read.ok() ? std::optional(std::move(evaluation)) : std::nullopt;
}

std::optional<Purpose> purpose_from_json(const json::value& document) {
  if (!document.is_object()) return std::nullopt;
  Reader read(document.get_object());
  Purpose purpose{read.string("audience"), read.string("text"), read.instant("stated_at")};
  return read.ok() ? std::optional(std::move(purpose)) : std::nullopt;
}

json::array to_json(const std::vector<ApplicationRevocation>& revocations) {
  json::array list;
  for (const auto& revocation : revocations)
    list.emplace_back(json::object{{"audience", revocation.audience},
                                   {"issued_before", to_epoch_seconds(revocation.issued_before)}});
  return list;
}

}  // namespace

json::object to_json(const Revocations& revocations) {
  return {{"applications", to_json(revocations.applications)},
          {"tokens", to_json(revocations.tokens)}};
}

std::optional<Revocations> revocations_from_json(const json::value& document) {
  if (!document.is_object()) return std::nullopt;
  Reader read(document.get_object());
  Revocations revocations;
  for (const auto& entry : read.array("applications")) {
    auto revocation = revocation_from_json(entry);
    if (!revocation) return std::nullopt;
    revocations.applications.push_back(std::move(*revocation));
  }
  revocations.tokens = read.strings("tokens");
  return read.ok() ? std::optional(std::move(revocations)) : std::nullopt;
}

json::object to_json(const Session& session) {
  json::array posture;
  for (const auto& evidence : session.posture) posture.emplace_back(to_json(evidence));
  json::array evaluations;
  for (const auto& evaluation : session.evaluations)
    evaluations.emplace_back(
        json::object{{"key", evaluation.key},
                     {"success", evaluation.success},
                     {"established_at", to_epoch_seconds(evaluation.established_at)}});
  json::array purposes;
  for (const auto& purpose : session.purposes)
    purposes.emplace_back(json::object{{"audience", purpose.audience},
                                       {"text", purpose.text},
                                       {"stated_at", to_epoch_seconds(purpose.stated_at)}});
  return {{"nonce", session.nonce},
          {"identity", to_json(session.identity)},
          {"created_at", to_epoch_seconds(session.created_at)},
          {"expires_at", to_epoch_seconds(session.expires_at)},
          {"posture", std::move(posture)},
          {"revocations", to_json(session.revocations)},
          {"evaluations", std::move(evaluations)},
          {"purposes", std::move(purposes)}};
}

std::optional<Session> session_from_json(const json::value& document) {
  if (!document.is_object()) return std::nullopt;
  const auto* identity_object = json::find_object(document.get_object(), "identity");
  if (identity_object == nullptr) return std::nullopt;
  auto identity = identity_from_json(*identity_object);
  if (!identity) return std::nullopt;

  Reader read(document.get_object());
  Session session;
  session.identity = *std::move(identity);
  session.nonce = read.string("nonce");
  session.created_at = read.instant("created_at");
  session.expires_at = read.instant("expires_at");
  for (const auto& element : read.array("posture")) {
    auto evidence = evidence_from_json(element);
    if (!evidence) return std::nullopt;
    // Two statements of one integration would leave it to chance which one counts.
    read.require(std::ranges::find(session.posture, evidence->integration_id,
                                   &PostureEvidence::integration_id) == session.posture.end());
    session.posture.push_back(*std::move(evidence));
  }
  for (const auto& element : read.array("revocations")) {
    auto revocation = revocation_from_json(element);
    if (!revocation) return std::nullopt;
    session.revocations.push_back(*std::move(revocation));
  }
  for (const auto& element : read.array_or_none("evaluations")) {
    auto evaluation = evaluation_from_json(element);
    if (!evaluation) return std::nullopt;
    read.require(std::ranges::find(session.evaluations, evaluation->key,
                                   &EvaluationEvidence::key) == session.evaluations.end());
    session.evaluations.push_back(*std::move(evaluation));
  }
  for (const auto& element : read.array_or_none("purposes")) {
    auto purpose = purpose_from_json(element);
    if (!purpose) return std::nullopt;
    session.purposes.push_back(*std::move(purpose));
  }
  return read.ok() ? std::optional(std::move(session)) : std::nullopt;
}

bool is_ldh_domain(std::string_view domain) {
  if (domain.empty() || domain.size() > 253) return false;
  while (true) {
    const auto dot = domain.find('.');
    const std::string_view label = domain.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return false;
    if (!std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    domain.remove_prefix(dot + 1);
  }
}

std::optional<std::string> canonical_email(std::string_view address) {
  if (address.size() > kMaxEmailBytes) return std::nullopt;
  const auto at = address.find('@');
  if (at == 0 || at == std::string_view::npos) return std::nullopt;
  const std::string_view local = address.substr(0, at);
  // A second `@` is no LDH character.
  if (!is_ldh_domain(address.substr(at + 1))) return std::nullopt;
  // RFC 5322 3.2.3: none of these stands in a local part without quotes.
  if (local.find_first_of("()<>[]:;,\\\"") != std::string_view::npos) return std::nullopt;
  if (!is_valid_utf8(local) || has_invisible(local)) return std::nullopt;
  return ascii_lower(address);
}

}  // namespace gatehouse::model
