// Tables of the Access API's fields that are checked and then kept as they were written: what has
// no effect here, and the configurations of providers by their type. Internal to this folder. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/json.h"
#include "model/resources.h"
#include "policy/authored.h"
#include "policy/object_reader.h"

namespace gatehouse::policy {

struct Fields;
struct Field {
  enum class Kind : std::uint8_t {
    Text,      // one line, at most kMaxKeptTextBytes
    Lines,     // any number of them, within the same limit
    Url,       // absolute, http or https; or empty
    Color,     // `#rgb` or `#rrggbb`; or empty
    Image,     // model::is_image_address(); or empty
    Duration,  // at least `least`; or empty
    Flag,
    Off,  // a flag that may only be false
    On,   // a flag that may only be true
    Number,
    Whole,   // 0 or more
    OneOf,   // of `choices`
    SomeOf,  // a list of them
    Texts,
    Empty,    // an empty list, object or text: whatever stood in it would have to have an effect
    Any,      // within kMaxKeptValueBytes
    Secret,   // text that goes apart from the rest
    Object,   // of `nested`; an empty one need not have what they require
    Objects,  // a list of such
  };
  std::string_view key;
  Kind kind = Kind::Text;
  bool required = false;
  std::string_view advice = {};  // of Off, On and Empty: why
  std::span<const std::string_view> choices = {};
  std::chrono::seconds least{0};
  const Fields* nested = nullptr;
};
struct Fields {
  std::span<const Field> all;
};
inline constexpr std::size_t kMaxKeptTextBytes = 2048;
inline constexpr std::size_t kMaxKeptValueBytes = 16384;

// Puts what is there and sound into `into`, and secrets into `secrets` (never nullptr where the
// fields have one). With Secrets::Omit secrets are not missed.
void read_fields(ObjectReader& reader, std::span<const Field> fields, Problems& problems,
                 json::object& into, model::ConfigSecrets* secrets = nullptr,
                 Secrets presence = Secrets::Omit);

// Kept beside what has an effect.
[[nodiscard]] std::span<const Field> kept_organization_fields();
[[nodiscard]] std::span<const Field> kept_provider_fields();
[[nodiscard]] std::span<const Field> kept_integration_fields();
[[nodiscard]] std::span<const Field> kept_posture_rule_fields();
[[nodiscard]] std::span<const Field> kept_list_fields();
[[nodiscard]] std::span<const Field> kept_list_item_fields();
[[nodiscard]] std::span<const Field> kept_group_fields();
[[nodiscard]] std::span<const Field> kept_service_token_fields();
[[nodiscard]] std::span<const Field> kept_certificate_fields();
[[nodiscard]] std::span<const Field> kept_page_fields();
[[nodiscard]] std::span<const Field> kept_bookmark_fields();
[[nodiscard]] std::span<const Field> kept_policy_fields();
[[nodiscard]] std::span<const Field> kept_launcher_fields();  // of every application
[[nodiscard]] std::span<const Field> kept_application_fields();
[[nodiscard]] std::span<const Field> kept_destination_fields();

// By type; of one that has a reader of its own (oidc, tanium) there are none.
[[nodiscard]] std::span<const std::string_view> provider_types();
[[nodiscard]] std::span<const Field> provider_config_fields(std::string_view type);
[[nodiscard]] std::span<const std::string_view> integration_types();
[[nodiscard]] std::span<const Field> integration_config_fields(std::string_view type);
[[nodiscard]] std::span<const std::string_view> posture_rule_types();
[[nodiscard]] std::span<const Field> posture_rule_input_fields(std::string_view type);

// Whether that is a secret in the configuration of an identity provider or a device posture
// integration of that type.
[[nodiscard]] bool has_secret(std::string_view type, std::string_view key);

}  // namespace gatehouse::policy
