#include "controlplane/publication.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/audit.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::string_view kFilePurpose = "applied file";
// Another node was faster so many times in a row: something is wrong.
constexpr int kAttempts = 8;
// Beyond it a worker that starts has more to do for the changes than for the snapshot.
constexpr std::size_t kMaxChanges = 64;
constexpr std::size_t kMostChanges = 1024;
constexpr std::size_t kMaxChangeBytes = std::size_t{1} << 20;
constexpr std::size_t kFeedPage = 1000;
constexpr std::size_t kMaxStoredDepth = 64;

std::unexpected<ChangeError> refuse(ChangeErrorKind kind, std::string message) {
  return std::unexpected(ChangeError{kind, {{0, "", std::move(message)}}});
}

ChangeError store_trouble(const storage::StoreError& error) {
  spdlog::error("change_failed message=\"{}\"", error.message);
  return {ChangeErrorKind::StoreUnavailable, {{0, "", error.message}}};
}

ChangeError error_of(std::vector<policy::EditProblem> problems) {
  ChangeError error;
  const bool only_in_use =
      std::ranges::all_of(problems, [](const auto& problem) { return problem.in_use; });
  error.kind = only_in_use ? ChangeErrorKind::InUse : ChangeErrorKind::Invalid;
  for (auto& problem : problems)
    error.problems.push_back(
        {problem.edit, std::move(problem.problem.pointer), std::move(problem.problem.message)});
  return error;
}

ChangeError error_of(std::vector<policy::Problem> problems) {
  ChangeError error;
  for (auto& problem : problems)
    error.problems.push_back({0, std::move(problem.pointer), std::move(problem.message)});
  return error;
}

// A place in the whole authored form as one in the edits.
ChangeError error_of(std::vector<policy::Problem> problems, std::span<const Edit> edits,
                     const model::Resources& resources) {
  ChangeError error = error_of(std::move(problems));
  const auto find_edit = [&](policy::Kind kind,
                             const std::string& id) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < edits.size(); ++i)
      if (edits[i].kind == kind && edits[i].id == id) return i;
    return std::nullopt;
  };
  const auto place = [&](ChangeProblem& problem, policy::Kind kind, const auto& owners) {
    for (std::size_t i = 0; i < owners.size(); ++i) {
      const auto prefix = fmt::format("/{}/{}/", policy::section_of(kind), i);
      const auto edit = find_edit(kind, owners[i].id);
      if (!edit || !problem.pointer.starts_with(prefix)) continue;
      problem.edit = *edit;
      problem.pointer.erase(0, prefix.size() - 1);
      return;
    }
  };
  for (ChangeProblem& problem : error.problems) {
    place(problem, policy::Kind::IdentityProvider, resources.identity_providers);
    place(problem, policy::Kind::PostureIntegration, resources.posture_integrations);
  }
  return error;
}

// What was sent, completed: durations stay as they were written. What is null was left out.
json::object complete_body(json::object complete, const json::object& sent,
                           const json::object& secrets) {
  for (const auto& [key, value] : sent)
    if (!value.is_null()) complete[key] = value;
  policy::erase_secrets(complete, secrets);
  return complete;
}

// A document as it may stand in the audit trail. Other secrets are not in documents.
json::object for_audit(const policy::Document& document) {
  json::object body = document.body;
  for (const std::string_view key : {"client_secret_hash", "previous_client_secret_hash"})
    if (body.contains(key)) body[key] = "(not shown)";
  return body;
}

// Secrets that are left out, or masked as they were shown, stay as they are. An error: the place of
// a masked one that is of another type of provider.
std::expected<void, std::string> keep_secrets(Edit& edit, const Configuration& in_force) {
  const policy::Document* before = in_force.documents->find(edit.kind, edit.id);
  if (!edit.body || before == nullptr) return {};
  const json::object secrets = policy::secrets_of(*in_force.resources, edit.kind, edit.id);
  if (json::find_string(before->body, "type") == json::find_string(*edit.body, "type")) {
    policy::keep_secrets(*edit.body, secrets);
    return {};
  }
  const json::object* config = json::find_object(*edit.body, "config");
  for (const auto& secret : secrets) {
    const auto given = config ? json::find_string(*config, secret.key()) : std::nullopt;
    if (given && !given->empty() && given->find_first_not_of('*') == std::string_view::npos)
      return std::unexpected("/config/" + std::string(secret.key()));
  }
  return {};
}

std::string_view what_of(const policy::Document* before, const Edit& edit) {
  if (!edit.body) return "removed";
  return before == nullptr ? "added" : "changed";
}

}  // namespace

std::string Publication::digest_of(const model::Resources& file) const {
  return context_.dependencies.vault.keyed_hash(
      kFilePurpose, json::serialize(policy::write_resources(file, policy::Secrets::Include)));
}

std::expected<ApplyOutcome, ChangeError> Publication::change(const Actor& actor,
                                                             const MakeEdits& make) {
  const std::lock_guard lock(mutex_);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto in_force = context_.configuration();
    if (!in_force) return refuse(ChangeErrorKind::Invalid, "nothing has been configured yet");
    auto edits = make(*in_force->documents);
    if (!edits) return std::unexpected(std::move(edits.error()));
    if (edits->empty()) return ApplyOutcome{.sequence = sequence_};
    std::vector<policy::DocumentEdit> wanted;
    for (std::size_t i = 0; i < edits->size(); ++i) {
      Edit& edit = (*edits)[i];
      if (auto kept = keep_secrets(edit, *in_force); !kept)
        return std::unexpected(
            ChangeError{ChangeErrorKind::Invalid,
                        {{i, std::move(kept.error()), "is masked: write the secret"}}});
      wanted.push_back({edit.kind, edit.id, edit.body ? &*edit.body : nullptr});
    }
    auto resources =
        policy::edit_resources(*in_force->resources, wanted, context_.dependencies.selectors);
    if (!resources) return std::unexpected(error_of(std::move(resources.error())));
    auto outcome = GATEHOUSE_TRY(
        commit({.edits = *edits,
                .resources = std::make_shared<const model::Resources>(std::move(*resources)),
                .origin = "api",
                .applied_file = std::nullopt,
                .actor = actor}));
    if (outcome) return *outcome;
  }
  return refuse(ChangeErrorKind::StoreUnavailable, "the store changes too fast");
}

std::expected<std::optional<ApplyOutcome>, ChangeError> Publication::commit(const Work& work) {
  auto& dependencies = context_.dependencies;
  const auto in_force = context_.configuration();
  const auto now = context_.now();
  auto documents = std::make_shared<policy::Documents>();
  if (in_force) *documents = *in_force->documents;
  std::vector<storage::ResourceChange> changes;
  std::vector<storage::AuditEvent> events;
  for (const Edit& edit : work.edits) {
    const policy::Document* before = documents->find(edit.kind, edit.id);
    if (before == nullptr && !edit.body) continue;
    storage::ResourceChange change{.kind = std::string(policy::section_of(edit.kind)),
                                   .id = edit.id,
                                   .document = std::nullopt,
                                   .sealed_secrets = "",
                                   .origin = std::string(work.origin)};
    storage::AuditEvent event{.at = now,
                              .event = std::string(audit_event::kResourceChanged),
                              .actor = work.actor.name,
                              .ip = work.actor.ip,
                              .application = edit.kind == policy::Kind::Application ? edit.id : "",
                              .reason = "",
                              .details = {{"kind", policy::noun_of(edit.kind)},
                                          {"id", edit.id},
                                          {"what", what_of(before, edit)},
                                          {"reference", work.actor.reference}}};
    if (before != nullptr) event.details["before"] = for_audit(*before);
    if (edit.body) {
      const json::object secrets = policy::secrets_of(*work.resources, edit.kind, edit.id);
      auto complete = policy::document_of(*work.resources, edit.kind, edit.id);
      policy::Document after{
          .kind = edit.kind,
          .id = edit.id,
          .name = "",
          .body = complete_body(std::move(complete).value_or(json::object{}), *edit.body, secrets),
          .sealed_secrets = "",
          .origin = std::string(work.origin),
          .created_at = before == nullptr ? now : before->created_at,
          .updated_at = now};
      after.name = json::find_string(after.body, "name").value_or("");
      if (!secrets.empty()) {
        const std::string plain = json::serialize(secrets);
        // Sealing twice gives two texts: the stored one stays where it says the same.
        if (before != nullptr &&
            dependencies.vault.open(kResourceSecretsPurpose, before->sealed_secrets) == plain) {
          after.sealed_secrets = before->sealed_secrets;
        } else {
          after.sealed_secrets = dependencies.vault.seal(kResourceSecretsPurpose, plain);
        }
      }
      // What is there already is no change; who owns it may be one.
      if (before != nullptr && before->body == after.body &&
          before->sealed_secrets == after.sealed_secrets && before->origin == after.origin)
        continue;
      change.document = json::serialize(after.body);
      change.sealed_secrets = after.sealed_secrets;
      event.details["after"] = for_audit(after);
      event.details["name"] = after.name;
      documents->put(std::move(after));
    } else {
      event.details["name"] = before->name;
      documents->remove(edit.kind, edit.id);
    }
    changes.push_back(std::move(change));
    events.push_back(std::move(event));
  }

  ApplyOutcome outcome{.sequence = sequence_};
  const bool same_file = !work.applied_file || *work.applied_file == applied_file_;
  if (changes.empty() && same_file && in_force) return outcome;
  auto candidate = make_candidate(context_, work.resources, documents, sequence_ + 1, in_force,
                                  behind_ ? Extent::Whole : Extent::Changes);
  if (!candidate) {
    // The problems of a file stand where it says them; those of an edit in the edit.
    return std::unexpected(
        work.applied_file ? error_of(std::move(candidate.error()))
                          : error_of(std::move(candidate.error()), work.edits, *work.resources));
  }

  // New hosts before new policies: a host whose application is not there yet is refused.
  outcome.hosts_changed = !in_force || routing_differs(*in_force->resources, *work.resources);
  const bool route = (outcome.hosts_changed || work.reroute) && dependencies.apply_routing;
  if (route) {
    if (auto applied = dependencies.apply_routing(*work.resources); !applied)
      return refuse(ChangeErrorKind::NotEnforceable, applied.error());
  }
  const auto undo_routing = [&] {
    if (!route || !in_force) return;
    if (auto undone = dependencies.apply_routing(*in_force->resources); !undone)
      spdlog::error("routing_not_restored message=\"{}\"", undone.error());
  };
  const auto stored = dependencies.store.commit_resources(
      sequence_, changes,
      work.applied_file ? std::optional<std::string_view>(*work.applied_file) : std::nullopt,
      events, now);
  if (!stored) {
    undo_routing();
    return std::unexpected(store_trouble(stored.error()));
  }
  if (!stored->applied) {
    undo_routing();
    if (auto loaded = load(); !loaded)
      return refuse(ChangeErrorKind::StoreUnavailable, loaded.error());
    return std::nullopt;
  }
  if (work.applied_file) applied_file_ = *work.applied_file;
  outcome.changed = !changes.empty();
  outcome.sequence = stored->sequence;
  if (stored->sequence != sequence_ + 1) {
    candidate = make_candidate(context_, work.resources, documents, stored->sequence, in_force,
                               Extent::Whole);
    if (!candidate) return std::unexpected(error_of(std::move(candidate.error())));
  }
  sequence_ = stored->sequence;
  put_in_force(std::move(*candidate));
  spdlog::info("resources_changed sequence={} changes={} actor=\"{}\"", sequence_, changes.size(),
               work.actor.name);
  return outcome;
}

std::expected<ApplyOutcome, Publication::Problems> Publication::apply(
    const model::Resources& resources, const Actor& actor, ApplyOptions options) {
  const std::lock_guard lock(mutex_);
  const std::string digest = digest_of(resources);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto in_force = context_.configuration();
    if (in_force && options.only_if_new && digest == applied_file_)
      return ApplyOutcome{.sequence = sequence_};
    FilePlan planned = plan_file(resources, in_force.get(), options.prune);
    auto complete = GATEHOUSE_TRY(policy::read_resources(
        planned.document, context_.dependencies.selectors, policy::Secrets::Include));
    auto outcome =
        commit({.edits = planned.edits,
                .resources = std::make_shared<const model::Resources>(std::move(complete)),
                .origin = "file",
                .applied_file = digest,
                .actor = actor,
                .reroute = options.reroute});
    if (!outcome) {
      Problems problems;
      for (auto& problem : outcome.error().problems)
        problems.push_back({std::move(problem.pointer), std::move(problem.message)});
      return std::unexpected(std::move(problems));
    }
    if (*outcome) return **outcome;
  }
  return std::unexpected(Problems{{"", "the store changes too fast"}});
}

std::expected<std::vector<PlannedChange>, Publication::Problems> Publication::plan(
    const model::Resources& resources, ApplyOptions options) {
  const std::lock_guard lock(mutex_);
  const auto in_force = context_.configuration();
  FilePlan planned = plan_file(resources, in_force.get(), options.prune);
  auto complete = std::make_shared<const model::Resources>(GATEHOUSE_TRY(policy::read_resources(
      planned.document, context_.dependencies.selectors, policy::Secrets::Include)));
  const auto candidate =
      make_candidate(context_, complete, nullptr, sequence_ + 1, in_force, Extent::Whole);
  if (!candidate) return std::unexpected(candidate.error());
  return std::move(planned.changes);
}

std::vector<policy::Problem> Publication::check(const model::Resources& resources) {
  const auto planned = plan(resources, {});
  return planned ? Problems{} : planned.error();
}

void Publication::put_in_force(Candidate candidate) {
  const bool first = context_.configuration() == nullptr;
  context_.set_configuration(candidate.configuration);
  if (!first && !behind_ && !context_.sessions.is_behind())
    publish_candidate(candidate);
  else
    publish_everything();
}

void Publication::publish_assertions(AssertionIssuer::Extent extent) {
  auto& dependencies = context_.dependencies;
  const auto configuration = context_.configuration();
  if (!assertions_.publish(*configuration->resources, configuration->snapshot->issuer(),
                           dependencies.vault, dependencies.node_state, context_.now(), extent))
    behind_ = true;
}

// Assertions first: a worker that sees a new policy finds what it needs for it.
void Publication::publish_candidate(const Candidate& candidate) {
  auto& node_state = context_.dependencies.node_state;
  publish_assertions(AssertionIssuer::Extent::Due);
  const auto sequence = candidate.configuration->snapshot->sequence();
  if (candidate.snapshot_change) {
    const auto put = node_state.put_change(sequence, *candidate.snapshot_change);
    if (put) {
      is_long_ = put->count > kMaxChanges || put->bytes > kMaxChangeBytes;
      // Changes that come one after another never leave time for it: this one waits.
      if (put->count > kMostChanges) compact_now();
    } else {
      note_failure("change_write_failed", put.error());
    }
  } else if (const auto put = node_state.put_snapshot(*candidate.snapshot_document); put) {
    is_long_ = false;
  } else {
    note_failure("snapshot_write_failed", put.error());
  }
}

void Publication::note_failure(std::string_view event, const node_state::Error& error) {
  spdlog::error("{} message=\"{}\"", event, error.message);
  behind_ = true;
}

void Publication::publish_everything() {
  auto& dependencies = context_.dependencies;
  const auto configuration = context_.configuration();
  const auto now = context_.now();
  behind_ = false;
  if (const auto sessions = context_.sessions.republish(now); !sessions) {
    spdlog::error("republish_failed message=\"{}\"", sessions.error().message);
    behind_ = true;
  }
  // INVARIANT: a node state that is new gets no policies before it has the revocations.
  if (behind_ || context_.sessions.is_behind()) return;
  publish_assertions(AssertionIssuer::Extent::All);
  if (const auto put =
          dependencies.node_state.put_snapshot(snapshot_document_of(context_, *configuration));
      put)
    is_long_ = false;
  else
    note_failure("snapshot_write_failed", put.error());
  if (const auto beat = dependencies.node_state.put_heartbeat(now); !beat)
    note_failure("heartbeat_failed", beat.error());
}

// Reads the store's resources and puts them in force.
std::expected<void, std::string> Publication::load() {
  auto& dependencies = context_.dependencies;
  auto stored = dependencies.store.load_resources();
  if (!stored) return std::unexpected(stored.error().message);
  json::object whole;
  auto documents = std::make_shared<policy::Documents>();
  json::object legacy_secrets;  // by identity provider: of a store of an earlier version
  for (const auto& row : stored->resources) {
    const auto kind = policy::kind_of_section(row.kind);
    const auto secrets_text =
        row.sealed_secrets.empty()
            ? std::optional<std::string>("{}")
            : dependencies.vault.open(kResourceSecretsPurpose, row.sealed_secrets);
    auto secrets = secrets_text ? json::parse(*secrets_text) : json::value(nullptr);
    if (!secrets || !secrets->is_object())
      return std::unexpected("the secrets in the store were sealed with another master key");
    if (!kind) {
      for (const auto& [id, secret] : secrets->get_object())
        legacy_secrets[id] = json::object{{"client_secret", secret}};
      continue;
    }
    auto body = json::parse(row.document, {row.document.size(), kMaxStoredDepth});
    if (!body || !body->is_object())
      return std::unexpected(
          fmt::format("{} `{}` in the store is not a JSON object", policy::noun_of(*kind), row.id));
    policy::Document document{.kind = *kind,
                              .id = row.id,
                              .name = "",
                              .body = body->get_object(),
                              .sealed_secrets = row.sealed_secrets,
                              .origin = row.origin,
                              .created_at = row.created_at,
                              .updated_at = row.updated_at};
    document.name = json::find_string(document.body, "name").value_or("");
    const std::string_view section = policy::section_of(*kind);
    json::object with_secrets = document.body;
    policy::keep_secrets(with_secrets, secrets->get_object());
    if (*kind == policy::Kind::Ingress) {
      const json::value* rules = json::find(with_secrets, "rules");
      whole[section] = rules == nullptr ? json::value(json::array{}) : *rules;
    } else if (policy::is_single(*kind)) {
      whole[section] = std::move(with_secrets);
    } else {
      if (!whole.contains(section)) whole[section] = json::array{};
      whole[section].as_array().emplace_back(std::move(with_secrets));
    }
    documents->put(std::move(document));
  }
  if (json::value* providers = whole.if_contains("identity_providers"); providers != nullptr)
    for (json::value& provider : providers->as_array()) {
      const auto id = json::find_string(provider.as_object(), "id").value_or("");
      if (const json::value* secrets = legacy_secrets.if_contains(id))
        policy::keep_secrets(provider.as_object(), secrets->get_object());
    }

  auto resources = policy::read_resources(whole, dependencies.selectors);
  if (!resources)
    return std::unexpected(fmt::format("the resources in the store cannot be read: {}: {}",
                                       resources.error().front().pointer,
                                       resources.error().front().message));
  const auto in_force = context_.configuration();
  auto complete = std::make_shared<const model::Resources>(std::move(*resources));
  auto candidate =
      make_candidate(context_, complete, documents, stored->sequence, in_force, Extent::Whole);
  if (!candidate)
    return std::unexpected(fmt::format("the resources in the store cannot be used: {}: {}",
                                       candidate.error().front().pointer,
                                       candidate.error().front().message));
  if (in_force && dependencies.apply_routing && routing_differs(*in_force->resources, *complete)) {
    if (auto routed = dependencies.apply_routing(*complete); !routed)
      spdlog::error("routing_not_changed message=\"{}\"", routed.error());
  }
  sequence_ = stored->sequence;
  applied_file_ = stored->applied_file;
  put_in_force(std::move(*candidate));
  return {};
}

std::expected<bool, std::string> Publication::restore() {
  const std::lock_guard lock(mutex_);
  auto& store = context_.dependencies.store;
  // What is stored from here on is followed.
  const auto feed = store.changes_since(0, 0);
  if (!feed) return std::unexpected(feed.error().message);
  feed_position_ = feed->position;
  const auto stored = store.load_resources();
  if (!stored) return std::unexpected(stored.error().message);
  if (stored->resources.empty()) {
    sequence_ = stored->sequence;
    applied_file_ = stored->applied_file;
    return false;
  }
  GATEHOUSE_TRY_VOID(load());
  publish_everything();
  spdlog::info("resources_restored sequence={}", sequence_);
  return true;
}

void Publication::republish() {
  const std::lock_guard lock(mutex_);
  const auto in_force = context_.configuration();
  if (!in_force) return;
  auto candidate = make_candidate(context_, in_force->resources, in_force->documents, sequence_,
                                  in_force, Extent::Whole);
  if (!candidate) {
    spdlog::error("republish_failed message=\"{}\"", candidate.error().front().message);
    behind_ = true;
    return;
  }
  context_.set_configuration(std::move(candidate->configuration));
  publish_everything();
}

bool Publication::follow() {
  const std::lock_guard lock(mutex_);
  auto& dependencies = context_.dependencies;
  for (;;) {
    const auto feed = dependencies.store.changes_since(feed_position_.value_or(0), kFeedPage);
    if (!feed) return false;
    const bool everything = feed->gap || !feed_position_;
    bool resources = everything;
    bool keys = everything;
    bool revocations = false;
    for (const auto& entry : feed->entries) {
      resources = resources || entry.topic == storage::Topic::Resource;
      keys = keys || entry.topic == storage::Topic::SigningKeys;
      revocations = revocations || entry.topic == storage::Topic::Revocation;
    }
    // INVARIANT: what ends a right comes first, and waits for nothing that cannot be read.
    const auto now = context_.now();
    if (everything) {
      if (const auto sessions = context_.sessions.republish(now); !sessions) {
        spdlog::error("follow_failed message=\"{}\"", sessions.error().message);
        return false;
      }
    }
    if (revocations) context_.sessions.follow_revocations(now);
    for (const auto& entry : feed->entries)
      if (entry.topic == storage::Topic::Session && !context_.sessions.follow(entry.key, now))
        return false;
    if (keys) {
      if (const auto loaded = dependencies.vault.reload(dependencies.store, context_.now());
          !loaded) {
        spdlog::error("follow_failed message=\"{}\"", loaded.error().message);
        return false;
      }
    }
    if (resources && !everything) {
      // Our own commits stand in the feed as well. No changes: it only says the sequence.
      const auto there =
          dependencies.store.commit_resources(sequence_, {}, std::nullopt, {}, context_.now());
      if (!there) return false;
      resources = there->sequence != sequence_;
    }
    if (resources || keys) {
      // Their own hosts first, as always; what cannot be used leaves the old in force, loudly.
      if (const auto loaded = load(); !loaded) {
        spdlog::error("follow_failed message=\"{}\"", loaded.error());
        return false;
      }
      if (everything || keys) publish_everything();
    }
    feed_position_ = feed->position;
    if (feed->entries.size() < kFeedPage) return true;
  }
}

void Publication::tick() {
  keep_up();
  compact_meanwhile();
}

void Publication::keep_up() {
  const std::lock_guard lock(mutex_);
  auto& dependencies = context_.dependencies;
  const auto now = context_.now();
  const bool configured = context_.configuration() != nullptr;
  const auto beat = dependencies.node_state.put_heartbeat(now);
  if (!beat) spdlog::error("heartbeat_failed message=\"{}\"", beat.error().message);
  dependencies.node_state.check_readers();
  // With what has expired gone from the store, the node state is written anew as well.
  const bool purge = now - purged_at_ >= kPurgeInterval;
  if (purge) {
    purged_at_ = now;
    if (const auto purged = dependencies.store.purge(now); !purged)
      spdlog::error("purge_failed message=\"{}\"", purged.error().message);
  }
  if (!configured) return;
  if (!beat || behind_ || context_.sessions.is_behind()) {
    spdlog::warn("node_state_republished");
    publish_everything();
    return;
  }
  if (purge) {
    if (const auto sessions = context_.sessions.republish(now); !sessions)
      spdlog::error("republish_failed message=\"{}\"", sessions.error().message);
  }
  if (assertions_.renew_at() <= now) publish_assertions(AssertionIssuer::Extent::Due);
}

void Publication::compact_meanwhile() {
  std::shared_ptr<const Configuration> configuration;
  {
    const std::lock_guard lock(mutex_);
    if (!is_long_ || behind_) return;
    configuration = context_.configuration();
  }
  if (!compact(*configuration)) return;
  const std::lock_guard lock(mutex_);
  if (context_.configuration() == configuration) is_long_ = false;
}

void Publication::compact_now() {
  if (compact(*context_.configuration())) is_long_ = false;
}

// INVARIANT: the node state takes it only when it still has that sequence.
bool Publication::compact(const Configuration& configuration) {
  const auto put = context_.dependencies.node_state.compact_snapshot(
      snapshot_document_of(context_, configuration));
  if (!put) spdlog::info("snapshot_not_compacted message=\"{}\"", put.error().message);
  return put.has_value();
}

}  // namespace gatehouse::controlplane
