// The configuration as its documents: each resource in the authored form, complete, as the store
// keeps it, the API reads and edits it and `gatehouse export` writes it. Immutable where it is
// shared; a copy costs a pointer a kind. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "decision/matcher.h"
#include "model/resources.h"
#include "policy/authored.h"

namespace gatehouse::policy {

// In the order of the authored form's sections.
enum class Kind : std::uint8_t {
  Organization,
  IdentityProvider,
  PostureIntegration,
  PostureRule,
  List,
  Group,
  ServiceToken,
  MtlsCertificate,
  CustomPage,
  Tag,
  Bookmark,
  Policy,
  Application,
  Ingress,
};
inline constexpr std::size_t kKinds = 14;
[[nodiscard]] std::span<const Kind> all_kinds();
// The section of the authored form: `applications`.
[[nodiscard]] std::string_view section_of(Kind kind);
[[nodiscard]] std::optional<Kind> kind_of_section(std::string_view section);
// For people: `application`.
[[nodiscard]] std::string_view noun_of(Kind kind);
// One document, whose id is the section's name: the organization, and the ingress rules (the
// document {"rules": [...]}, since their order is one thing).
[[nodiscard]] constexpr bool is_single(Kind kind) {
  return kind == Kind::Organization || kind == Kind::Ingress;
}

struct Document {
  Kind kind = Kind::Organization;
  std::string id;
  std::string name;  // for people
  json::object body;
  std::string sealed_secrets;  // raw bytes; empty: none
  std::string origin;          // `file` or `api`
  Instant created_at{};
  Instant updated_at{};
};

class Documents {
 public:
  using Pointer = std::shared_ptr<const Document>;

  // nullptr: there is none.
  [[nodiscard]] const Document* find(Kind kind, std::string_view id) const;
  // In the order of their making.
  [[nodiscard]] std::span<const Pointer> of(Kind kind) const;

  // In place of the one with that kind and id, else at the end.
  void put(Document document);
  void remove(Kind kind, std::string_view id);

 private:
  struct Section {
    std::vector<Pointer> documents;
    std::unordered_map<std::string_view, std::size_t> by_id;  // borrows from the documents
  };
  [[nodiscard]] Section& editable(Kind kind);
  std::array<std::shared_ptr<Section>, kKinds> sections_;
};

// The documents of resources: complete, secrets omitted, in the order of the authored form.
// `created_at`, `updated_at`, `origin` and `sealed_secrets` are the caller's.
[[nodiscard]] std::vector<Document> documents_of(const model::Resources& resources);
// The document of one resource; nullopt: there is none.
[[nodiscard]] std::optional<json::object> document_of(const model::Resources& resources, Kind kind,
                                                      std::string_view id);

// The secrets of one resource by their key in its `config`; empty: it has none.
[[nodiscard]] json::object secrets_of(const model::Resources& resources, Kind kind,
                                      std::string_view id);
// Puts those into the body's `config` that its type has and it leaves out, or that are masked with
// asterisks, as it was shown.
void keep_secrets(json::object& body, const json::object& secrets);
// Takes what has one of their keys out of the body's `config`.
void erase_secrets(json::object& body, const json::object& secrets);

// One resource as it is to be; null: removed. Secrets of its `config` stand there where they are
// new; one that is left out, of a resource of the same type, is kept, and an empty one is removed.
struct DocumentEdit {
  Kind kind = Kind::Organization;
  std::string id;
  const json::object* body = nullptr;  // borrowed for the call
};
struct EditProblem {
  std::size_t edit = 0;  // which of them
  Problem problem;       // its pointer leads into that edit's body
  // What is removed or changed is still needed as it is by another resource, which the message
  // names.
  bool in_use = false;
};
// The resources after all edits, of which each is of another resource. They are checked together:
// what they refer to, what refers to them. A resource keeps its place and its id (a tag, whose id
// is its name, may get another). Returns every problem found. A few edits, but for those of the
// ingress and the auth domain, read nothing but what is edited; what else there is is only looked
// through for what names it.
[[nodiscard]] std::expected<model::Resources, std::vector<EditProblem>> edit_resources(
    const model::Resources& current, std::span<const DocumentEdit> edits,
    decision::SelectorRegistry selectors);

}  // namespace gatehouse::policy
