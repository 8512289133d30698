// Signing keys, and sealing everything anew.
#include "storage/soci/soci_store.h"

namespace gatehouse::storage {

using soci::into;
using soci::use;

Result<std::vector<StoredSigningKey>> SociStore::signing_keys() {
  return read("load the signing keys", [](soci::session& sql) {
    std::string kid;
    std::string sealed;
    std::string certificate;
    long long created = 0;
    OptionalInstant retires;
    soci::statement rows =
        (sql.prepare << "SELECT kid, sealed_private_key, certificate, created_at, retires_at "
                        "FROM signing_keys ORDER BY created_at DESC, serial DESC",
         into(kid), into(sealed), into(certificate), into(created),
         into(retires.value, retires.state));
    std::vector<StoredSigningKey> keys;
    rows.execute();
    while (rows.fetch())
      keys.push_back({kid, decoded(sealed), certificate, instant(created), retires.get()});
    return keys;
  });
}

void SociStore::insert_signing_key(soci::session& sql, const StoredSigningKey& key) {
  const std::string kid = text(key.kid);
  const std::string sealed = base64_encode(key.sealed_private_key);
  const std::string certificate = text(key.certificate);
  const long long created = seconds(key.created_at);
  OptionalInstant retires(key.retires_at);
  sql << "INSERT INTO signing_keys (kid, sealed_private_key, certificate, created_at, retires_at) "
         "VALUES (:kid, :sealed, :certificate, :created, :retires)",
      use(kid, "kid"), use(sealed, "sealed"), use(certificate, "certificate"),
      use(created, "created"), use(retires.value, retires.state, "retires");
}

Result<void> SociStore::add_signing_key(const StoredSigningKey& key) {
  return write_feed("store the signing key", 1, [&](soci::session& sql, FeedWriter& feed) {
    insert_signing_key(sql, key);
    feed.add(Topic::SigningKeys, "");
  });
}

Result<bool> SociStore::rotate_signing_keys(std::string_view expected_newest,
                                            const StoredSigningKey& successor,
                                            std::string_view retiring, Instant retires_at) {
  return write_feed("rotate the signing keys", 1, [&](soci::session& sql, FeedWriter& feed) {
    std::string newest;
    sql << "SELECT kid FROM signing_keys ORDER BY created_at DESC, serial DESC LIMIT 1",
        into(newest);
    if (!sql.got_data() || newest != expected_newest) return false;
    insert_signing_key(sql, successor);
    const std::string kid = text(retiring);
    const long long at = seconds(retires_at);
    sql << "UPDATE signing_keys SET retires_at = :at WHERE kid = :kid", use(at, "at"),
        use(kid, "kid");
    feed.add(Topic::SigningKeys, "");
    return true;
  });
}

namespace {

// Each sealed value of a table, one at a time.
void reseal_table(soci::session& sql, Store::Sealed what, const std::string& table,
                  const std::string& column, const Store::Reseal& reseal) {
  std::vector<long long> serials;
  long long serial = 0;
  soci::statement rows =
      (sql.prepare << "SELECT serial FROM " << table << " WHERE " << column << " <> ''",
       into(serial));
  rows.execute();
  while (rows.fetch()) serials.push_back(serial);
  for (const long long each : serials) {
    std::string sealed;
    sql << "SELECT " << column << " FROM " << table << " WHERE serial = :serial",
        use(each, "serial"), into(sealed);
    const auto anew = reseal(what, decoded(sealed));
    if (!anew) throw GivenUp("a stored value was sealed with another key");
    sealed = base64_encode(*anew);
    sql << "UPDATE " << table << " SET " << column << " = :sealed WHERE serial = :serial",
        use(sealed, "sealed"), use(each, "serial");
  }
}

}  // namespace

Result<void> SociStore::reseal(const Reseal& reseal) {
  // Under the lock of the feed, so that nobody adds a value with the old sealing meanwhile.
  return write_feed("seal everything anew", 1, [&](soci::session& sql, FeedWriter& feed) {
    reseal_table(sql, Sealed::ResourceSecrets, "resources", "sealed_secrets", reseal);
    reseal_table(sql, Sealed::SigningKey, "signing_keys", "sealed_private_key", reseal);
    const std::string hash_key(kHashKeyValue);
    std::string sealed;
    sql << "SELECT value FROM installation WHERE key = :key", use(hash_key, "key"), into(sealed);
    if (sql.got_data()) {
      const auto anew = reseal(Sealed::HashKey, sealed);
      if (!anew) throw GivenUp("a stored value was sealed with another key");
      sealed = text(*anew);
      sql << "UPDATE installation SET value = :value WHERE key = :key", use(sealed, "value"),
          use(hash_key, "key");
    }
    sql << "UPDATE resource_state SET sequence = sequence + 1 WHERE id = 1";
    feed.add(Topic::SigningKeys, "");
  });
}

}  // namespace gatehouse::storage
