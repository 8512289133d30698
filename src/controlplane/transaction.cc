#include "controlplane/transaction.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/encoding.h"
#include "base/json.h"
#include "model/limits.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::size_t kMaxTransactionBytes = 2 * model::kMaxUrlBytes;

std::string purpose_of(Step step) { return fmt::format("transaction/{}", static_cast<int>(step)); }

// Absent where empty: the text goes into URLs.
struct Member {
  std::string_view key;
  std::string Transaction::* member;
};
constexpr std::array kMembers{
    Member{"i", &Transaction::id},           Member{"a", &Transaction::audience},
    Member{"h", &Transaction::host},         Member{"r", &Transaction::redirect},
    Member{"s", &Transaction::app_session},  Member{"m", &Transaction::method},
    Member{"n", &Transaction::nonce},        Member{"v", &Transaction::verifier},
    Member{"e", &Transaction::email},        Member{"u", &Transaction::session},
    Member{"w", &Transaction::reason},       Member{"f", &Transaction::reference},
    Member{"o", &Transaction::support_code}, Member{"k", &Transaction::claims},
    Member{"q", &Transaction::prompt},
};

struct List {
  std::string_view key;
  std::vector<std::string> Transaction::* member;
};
constexpr std::array kLists{
    List{"p", &Transaction::integrations},
    List{"c", &Transaction::auth_contexts},
};

}  // namespace

std::string seal_transaction(const Context& context, const Browser& browser,
                             Transaction transaction, std::chrono::seconds lifetime) {
  transaction.id = random_base64url(16);
  json::object document;
  for (const auto& [key, member] : kMembers)
    if (!(transaction.*member).empty()) document[key] = transaction.*member;
  for (const auto& [key, member] : kLists) {
    if ((transaction.*member).empty()) continue;
    json::array list;
    for (const auto& text : transaction.*member) list.emplace_back(text);
    document[key] = std::move(list);
  }
  if (transaction.repeated) document["y"] = true;
  document["b"] = context.browser_hash(browser);
  document["x"] = to_epoch_seconds(context.now() + lifetime);
  return context.dependencies.vault.seal(purpose_of(transaction.step), json::serialize(document));
}

std::expected<Transaction, Failure> open_transaction(const Context& context, const Browser& browser,
                                                     Step step, std::string_view sealed) {
  const std::unexpected invalid{Failure{FailureKind::TransactionInvalid, {}}};
  if (sealed.size() > kMaxTransactionBytes) return invalid;
  const auto plain = context.dependencies.vault.open(purpose_of(step), sealed);
  if (!plain) return invalid;
  const auto document = json::parse(*plain);
  if (!document || !document->is_object()) return invalid;
  const auto& object = document->get_object();

  Transaction transaction;
  transaction.step = step;
  for (const auto& [key, member] : kMembers)
    transaction.*member = json::find_string(object, key).value_or("");
  for (const auto& [key, member] : kLists)
    if (const auto* list = json::find_array(object, key))
      for (const auto& text : *list)
        if (text.is_string()) (transaction.*member).emplace_back(text.get_string());
  transaction.repeated = json::find_bool(object, "y") == true;
  transaction.expires_at = from_epoch_seconds(json::find_int(object, "x").value_or(0));

  // INVARIANT: a transaction moves only in the browser that began it, and only in time.
  if (!constant_time_equal(json::find_string(object, "b").value_or(""),
                           context.browser_hash(browser)) ||
      context.now() >= transaction.expires_at)
    return invalid;
  return transaction;
}

}  // namespace gatehouse::controlplane
