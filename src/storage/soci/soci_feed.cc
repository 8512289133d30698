// What changed, for whoever keeps copies; and the deletion of what is old.
#include <array>
#include <utility>

#include "storage/soci/soci_store.h"

namespace gatehouse::storage {

using soci::into;
using soci::use;

namespace {

// How long a pin is remembered after its making, for pins_since().
constexpr std::chrono::hours kPinHistory{24};
// A node that was away for longer reads everything anew.
constexpr std::chrono::hours kFeedHistory{1};
// Auditors ask for the last year, and look some weeks after it has ended.
constexpr std::chrono::days kAuditHistory{400};
constexpr std::chrono::days kCounterHistory{90};

constexpr std::array<std::pair<Topic, std::string_view>, 4> kTopics{{
    {Topic::Resource, "resource"},
    {Topic::Session, "session"},
    {Topic::Revocation, "revocation"},
    {Topic::SigningKeys, "signing_keys"},
}};

Topic parse_topic(std::string_view name) {
  for (const auto& [topic, its_name] : kTopics)
    if (its_name == name) return topic;
  throw GivenUp("unknown topic");
}

}  // namespace

// The increment is the lock: it is held until the transaction ends, so that positions are visible
// in their order. Numbers that are not used are no harm.
FeedWriter::FeedWriter(soci::session& sql, std::size_t room) : sql_(sql) {
  const auto count = static_cast<long long>(room);
  sql_ << "UPDATE feed_state SET position = position + :count RETURNING position",
      use(count, "count"), into(first_);
  first_ -= count;
  next_ = first_;
}

void FeedWriter::add(Topic topic, const std::string& key) {
  ++next_;
  std::string name;
  for (const auto& [known, its_name] : kTopics)
    if (known == topic) name = its_name;
  sql_ << "INSERT INTO feed (position, topic, key) VALUES (:position, :topic, :key)",
      use(next_, "position"), use(name, "topic"), use(key, "key");
}

Result<Feed> SociStore::changes_since(std::uint64_t position, std::size_t limit) {
  return read_snapshot("read the changes", [&](soci::session& sql) {
    long long newest = 0;
    long long purged = 0;
    sql << "SELECT position, purged FROM feed_state", into(newest), into(purged);
    Feed feed;
    feed.position = static_cast<std::uint64_t>(newest);
    if (position == 0 || position == feed.position) return feed;
    if (position > feed.position || position < static_cast<std::uint64_t>(purged)) {
      feed.gap = true;
      return feed;
    }
    const auto from = static_cast<long long>(position);
    const long long count = row_count(limit);
    long long at = 0;
    std::string topic;
    std::string key;
    soci::statement rows =
        (sql.prepare << "SELECT position, topic, key FROM feed WHERE position > :from "
                        "ORDER BY position LIMIT :count",
         use(from, "from"), use(count, "count"), into(at), into(topic), into(key));
    rows.execute();
    while (rows.fetch())
      feed.entries.push_back({static_cast<std::uint64_t>(at), parse_topic(topic), key});
    if (feed.entries.size() == limit)
      feed.position = feed.entries.empty() ? position : feed.entries.back().position;
    return feed;
  });
}

bool SociStore::wait_for_change(std::chrono::milliseconds timeout) {
  return engine_->wait(timeout);
}

Result<void> SociStore::purge(Instant now) {
  const auto expired = write("purge", [&](soci::session& sql) {
    const long long at = seconds(now);
    const long long pins_before = seconds(now - kPinHistory);
    const long long audit_before = seconds(now - kAuditHistory);
    sql << "DELETE FROM sessions WHERE expires_at <= :now", use(at, "now");
    sql << "DELETE FROM consumed WHERE expires_at <= :now", use(at, "now");
    sql << "DELETE FROM revocations WHERE expires_at <= :now", use(at, "now");
    sql << "DELETE FROM pins WHERE expires_at <= :now AND created_at <= :before", use(at, "now"),
        use(pins_before, "before");
    sql << "DELETE FROM audit WHERE at < :before", use(audit_before, "before");
    sql << "DELETE FROM trials WHERE expires_at <= :now", use(at, "now");
    const long long counters_before = seconds(now - kCounterHistory);
    sql << "DELETE FROM counters WHERE hour < :before", use(counters_before, "before");
  });
  if (!expired) return expired;
  return write_feed("purge the feed", 0, [&](soci::session& sql, FeedWriter& /*feed*/) {
    const long long at = seconds(now);
    const long long before = seconds(now - kFeedHistory);
    OptionalInstant cut;
    sql << "SELECT MAX(position) FROM feed_marks WHERE at <= :before", use(before, "before"),
        into(cut.value, cut.state);
    if (cut.state == soci::i_ok) {
      sql << "DELETE FROM feed WHERE position <= :cut", use(cut.value, "cut");
      sql << "DELETE FROM feed_marks WHERE position <= :cut", use(cut.value, "cut");
      sql << "UPDATE feed_state SET purged = :cut WHERE purged < :cut", use(cut.value, "cut");
    }
    sql << "INSERT INTO feed_marks (at, position) SELECT CAST(:now AS BIGINT), position "
           "FROM feed_state",
        use(at, "now");
  });
}

}  // namespace gatehouse::storage
