#include "enforcement/point.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "jose/jwt.h"
#include "model/limits.h"
#include "policy/snapshot_change.h"
#include "policy/snapshot_document.h"

namespace gatehouse::enforcement {
namespace {

using decision::Reason;

constexpr std::size_t kMaxCredentialHeaderBytes = 4096;
constexpr int kSnapshotRounds = 3;
constexpr std::string_view kClientIdMember = "cf-access-client-id";
constexpr std::string_view kClientSecretMember = "cf-access-client-secret";

std::string_view view(const gh_text& text) { return {text.data, text.size}; }

IpAddress address_of(const gh_request& request) {
  if (request.address_size == 4) {
    std::array<std::uint8_t, 4> bytes{};
    std::copy_n(request.address, bytes.size(), bytes.begin());
    return IpAddress::from_v4(bytes);
  }
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(request.address, std::min<std::size_t>(request.address_size, 16), bytes.begin());
  return IpAddress::from_v6(bytes);
}

// The keys' identity: when it changes, every remembered verification is void.
std::string identity_of_keys(const decision::Snapshot& snapshot) {
  std::string result = snapshot.issuer();
  for (const auto& key : snapshot.keys().keys()) {
    result.append("|").append(key.kid).append("|").append(key.key.thumbprint());
  }
  return result;
}

// Of the only header of that name; empty when there is none.
std::string_view header_of(const gh_request& request, const char* name) {
  if (request.lookup.header == nullptr) return {};
  return view(request.lookup.header(request.lookup.source, name));
}

// A question of the browser's, without credentials, that only matters where something answers it.
bool is_preflight(const gh_request& request, const decision::CompiledApplication& application) {
  if (request.is_options == 0) return false;
  if (!application.options_preflight_bypass && !application.cors_headers) return false;
  return !header_of(request, "origin").empty() &&
         !header_of(request, "access-control-request-method").empty();
}

Reason reason_of(jose::JwtError error) {
  return error == jose::JwtError::Expired ? Reason::SessionExpired : Reason::TokenInvalid;
}

}  // namespace

EnforcementPoint::EnforcementPoint(PointOptions options) : options_(std::move(options)) {
  randombytes_buf(digest_key_.data(), digest_key_.size());
}

EnforcementPoint::EnforcementPoint(std::filesystem::path directory,
                                   decision::SelectorRegistry selectors,
                                   std::function<void(const std::string&)> log)
    : EnforcementPoint(PointOptions{
          .open_node_state =
              [directory = std::move(directory)] { return node_state::Reader::open(directory); },
          .selectors = selectors,
          .log = std::move(log),
          .country_of = {}}) {}

// Brings snapshot and stamps up to the last transaction. None when they can be decided on.
Reason EnforcementPoint::prepare(Instant now) {
  // Nothing of what prepare_anew() looks at is another when second and transaction are the same.
  if (prepared_ && now == looked_at_ && !reader_->has_moved()) return Reason::None;
  prepared_ = false;
  const Reason reason = prepare_anew(now);
  if (reader_) set_common_stamp();
  prepared_ = reason == Reason::None;
  return reason;
}

Reason EnforcementPoint::prepare_anew(Instant now) {
  if (now != looked_at_) {  // once a second: is the file at the path still the one we have mapped?
    looked_at_ = now;
    if (reader_ && !reader_->is_current()) reader_.reset();
    if (!reader_) {
      // Stamps of another environment say nothing about what was read from the last one.
      snapshot_.reset();
      sole_application_ = nullptr;
      snapshot_stamp_ = 0;
      snapshot_origin_ = 0;
      tokens_.clear();
      sessions_.clear();
      assertions_.clear();
      revoked_.reset();
      revocation_stamp_ = UINT64_MAX;
      auto opened = options_.open_node_state();
      if (opened) {
        reader_ = std::move(*opened);
        ++epoch_;
      } else {
        options_.log(opened.error().message);
      }
    }
    // What could not be read for a moment is read again; what is broken goes on refusing.
    if (!revoked_) revocation_stamp_ = UINT64_MAX;
  }
  if (!reader_ || !reader_->refresh()) return Reason::NodeStateUnavailable;
  if (reader_->snapshot_stamp() != snapshot_stamp_ && !load_snapshot()) {
    return Reason::NodeStateUnavailable;
  }
  if (!snapshot_) return Reason::NodeStateUnavailable;
  if (reader_->revocation_stamp() != revocation_stamp_) load_revocations();
  if (!revoked_) return Reason::NodeStateUnavailable;
  // INVARIANT 3: without a living control plane revocations do not arrive; the state ages.
  const auto heartbeat = reader_->heartbeat();
  if (!heartbeat) return Reason::NodeStateUnavailable;
  if (now - *heartbeat > snapshot_->node_state_max_age()) return Reason::NodeStateTooOld;
  return Reason::None;
}

// INVARIANT 3: what is decided on is never older than what has been read; what cannot be read
// refuses.
bool EnforcementPoint::load_snapshot() {
  const auto before = std::exchange(snapshot_, nullptr);  // the old policies no longer decide
  sole_application_ = nullptr;
  snapshot_stamp_ = reader_->snapshot_stamp();
  if (before && reader_->snapshot_origin() == snapshot_origin_) snapshot_ = follow(before);
  if (!snapshot_) snapshot_ = read_whole_snapshot();
  if (!snapshot_) return false;
  if (snapshot_ == before) return true;
  ++generation_;
  if (std::string keys = identity_of_keys(*snapshot_); keys != keys_) {
    keys_ = std::move(keys);
    tokens_.clear();
    refusals_.clear();
  }
  return true;
}

// With the changes that stand after it; null when they do not lead from it to the newest.
std::shared_ptr<const decision::Snapshot> EnforcementPoint::follow(
    std::shared_ptr<const decision::Snapshot> snapshot) {
  const auto changes = reader_->changes_after(snapshot->sequence());
  if (!changes) {
    options_.log(changes.error().message);
    return nullptr;
  }
  if (changes->origin != reader_->snapshot_origin()) return nullptr;
  for (const auto& document : changes->documents) {
    auto changed = policy::apply_snapshot_change(*snapshot, document, options_.selectors);
    if (!changed) {
      const auto& problem = changed.error().front();
      options_.log("cannot follow a change: " + problem.pointer + ": " + problem.message);
      return nullptr;
    }
    snapshot = std::move(*changed);
  }
  return snapshot->sequence() == changes->sequence ? snapshot : nullptr;
}

std::shared_ptr<const decision::Snapshot> EnforcementPoint::read_whole_snapshot() {
  // Snapshot and changes are read one after the other: once more when they were written between.
  for (int round = 0; round < kSnapshotRounds; ++round) {
    snapshot_stamp_ = reader_->snapshot_stamp();
    snapshot_origin_ = reader_->snapshot_origin();
    const auto document = reader_->snapshot();
    if (!document || !*document) {
      options_.log(document ? "the node state has no snapshot" : document.error().message);
      return nullptr;
    }
    auto compiled = policy::compile_snapshot(**document, options_.selectors);
    if (!compiled) {
      const auto& problem = compiled.error().front();
      options_.log("cannot use the snapshot: " + problem.pointer + ": " + problem.message);
      return nullptr;
    }
    if (auto newest = follow(std::move(*compiled))) return newest;
    if (!reader_->refresh() || reader_->snapshot_stamp() == snapshot_stamp_) break;
  }
  return nullptr;
}

// INVARIANT 3: revocations that cannot be read revoke everything.
void EnforcementPoint::load_revocations() {
  revocation_stamp_ = reader_->revocation_stamp();
  revoked_.reset();
  auto record = reader_->revocations();
  if (!record) return options_.log(record.error().message);
  revoked_ = Revoked{};
  for (const auto& revocation : record->applications) {
    Instant& issued_before = revoked_->applications[revocation.audience];
    issued_before = std::max(issued_before, revocation.issued_before);
  }
  for (auto& token : record->tokens) revoked_->tokens.emplace(std::move(token), std::monostate{});
  revoked_->empty = revoked_->applications.empty() && revoked_->tokens.empty();
}

void EnforcementPoint::refresh(Instant now) { static_cast<void>(prepare(now)); }

void EnforcementPoint::set_common_stamp() {
  // Transactions of another environment begin anew: each has an epoch of its own.
  common_stamp_ = epoch_ << 48 | std::max({reader_->snapshot_stamp(), reader_->assertion_stamp(),
                                           reader_->revocation_stamp()});
}

bool EnforcementPoint::has_moved(const Basis& basis) const {
  if (!reader_ || basis.common_stamp != common_stamp_) return true;
  return basis.shard != kNoShard && reader_->stamp_of(basis.shard) != basis.session_stamp;
}

decision::Snapshot::Located EnforcementPoint::locate(std::string_view host, std::string_view path) {
  const bool ordinary = path.starts_with('/') && path.size() <= model::kMaxUrlBytes;
  if (sole_application_ != nullptr && ordinary && host == sole_host_) {
    return {sole_application_, false};
  }
  if (const auto* sole = snapshot_->sole_application(host)) {
    sole_host_ = host;
    sole_application_ = sole;
  }
  return snapshot_->locate(host, path);
}

EnforcementPoint::Digest EnforcementPoint::digest_of(std::string_view token,
                                                     gh_connection_memo* memo) const {
  static_assert(crypto_shorthash_siphashx24_BYTES == sizeof(Digest));
  static_assert(crypto_shorthash_siphashx24_KEYBYTES == sizeof digest_key_);
  if (memo != nullptr && memo->size == token.size() && !token.empty() &&
      std::memcmp(memo->token, token.data(), token.size()) == 0) {
    return {memo->digest[0], memo->digest[1]};
  }
  Digest digest{};
  crypto_shorthash_siphashx24(reinterpret_cast<unsigned char*>(digest.data()),
                              reinterpret_cast<const unsigned char*>(token.data()), token.size(),
                              digest_key_.data());
  // Only what can be the whole of a cookie: gh_collect_cookies() looks for no end in it.
  if (memo != nullptr && token.size() <= memo->capacity &&
      std::ranges::none_of(token, [](char c) { return c == ';' || c == ' ' || c == '\t'; })) {
    std::memcpy(memo->token, token.data(), token.size());
    memo->size = token.size();
    std::copy_n(digest.begin(), digest.size(), memo->digest);
  }
  return digest;
}

EnforcementPoint::TokenEntry* EnforcementPoint::verified(std::string_view token,
                                                         const Digest& digest, Instant now,
                                                         Reason& obstacle) {
  if (TokenEntry* known = tokens_.find(digest)) return known;
  if (const Refusal* refused = refusals_.find(digest); refused != nullptr && now < refused->until) {
    obstacle = refused->reason;
    return nullptr;
  }
  const auto refuse = [&](Reason reason) {
    refusals_.insert(digest, {reason, now + kRefusalMemory});
    obstacle = reason;
    return nullptr;
  };
  const auto parsed = jose::CompactJws::parse(token, model::kMaxAccessTokenBytes);
  if (!parsed) return refuse(reason_of(parsed.error()));
  jose::JwtExpectations expected;
  expected.issuer = snapshot_->issuer();
  expected.type = "app";
  const auto claims = jose::verify_jwt(*parsed, snapshot_->keys(), expected, now, kTokenLeeway);
  if (!claims) return refuse(reason_of(claims.error()));
  // Ours carry exactly one audience and the session they were issued from (wire.md).
  const auto* audience = json::find_array(claims->claims, "aud");
  const auto nonce = json::find_string(claims->claims, "identity_nonce");
  const auto issued_at = json::find_int(claims->claims, "iat");
  const auto expires_at = json::find_int(claims->claims, "exp");
  if (audience == nullptr || audience->size() != 1 || !audience->front().is_string() || !nonce ||
      nonce->empty() || !issued_at || !expires_at) {
    return refuse(Reason::TokenInvalid);
  }
  TokenEntry entry;
  entry.audience = audience->front().get_string();
  entry.nonce = *nonce;
  entry.issued_at = from_epoch_seconds(*issued_at);
  entry.expires_at = from_epoch_seconds(*expires_at);
  entry.id = json::find_string(claims->claims, "jti").value_or("");
  entry.binding = json::find_string(claims->claims, "binding").value_or("");
  entry.session = session_of(entry.nonce);
  return &tokens_.insert(digest, std::move(entry));
}

std::shared_ptr<EnforcementPoint::SessionEntry> EnforcementPoint::session_of(
    const std::string& nonce) {
  if (auto* known = sessions_.find(nonce)) return *known;
  auto entry = std::make_shared<SessionEntry>();
  entry->shard = node_state::shard_of(nonce);
  read_session(*entry, nonce);
  return sessions_.insert(nonce, std::move(entry));
}

void EnforcementPoint::read_session(SessionEntry& entry, const std::string& nonce) {
  entry.read_at = reader_->stamp_of(entry.shard);
  entry.session.reset();
  auto record = reader_->session(nonce);
  if (!record) {
    options_.log(record.error().message);
    return;
  }
  entry.session = std::move(*record);
  entry.canonical_email.clear();
  if (entry.session) {
    entry.canonical_email = model::canonical_email(entry.session->identity.email).value_or("");
  }
}

bool EnforcementPoint::is_bound(const TokenEntry& entry, std::string_view cookie) {
  return !cookie.empty() && !entry.binding.empty() &&
         constant_time_equal(hex_encode(crypto::sha256(cookie)), entry.binding);
}

// INVARIANT 4: revocation is of what a token says, so that no other spelling of it escapes.
bool EnforcementPoint::is_revoked(const TokenEntry& entry,
                                  const decision::CompiledApplication& application) const {
  for (const auto& revocation : entry.session->session->revocations) {
    if (revocation.audience == application.audience && entry.issued_at < revocation.issued_before)
      return true;
  }
  if (revoked_->empty) return false;
  if (!entry.id.empty() && revoked_->tokens.contains(entry.id)) return true;
  const auto found = revoked_->applications.find(application.audience);
  return found != revoked_->applications.end() && entry.issued_at < found->second;
}

// The person of the first token that is good for this application now.
EnforcementPoint::Subject EnforcementPoint::subject_of(
    const gh_request& request, const decision::CompiledApplication& application, Instant now) {
  const gh_credentials& credentials = *request.credentials;
  Subject subject;
  // `place` among the credentials, counted from 1; 0: elsewhere.
  const auto consider = [&](std::string_view token, std::size_t place) {
    if (token.size() > model::kMaxAccessTokenBytes) {
      subject.obstacle = Reason::TokenInvalid;
      return false;
    }
    const bool is_digested = place != 0 && credentials.digested == place;
    const Digest digest = is_digested ? Digest{credentials.digest[0], credentials.digest[1]}
                                      : digest_of(token, request.memo);
    TokenEntry* entry = verified(token, digest, now, subject.obstacle);
    if (entry == nullptr) return false;
    if (entry->generation != generation_) {
      entry->generation = generation_;
      entry->application = snapshot_->application_by_audience(entry->audience);
    }
    // INVARIANT 4: audience, time, revocation: on every request, remembered or not.
    if (entry->application != &application) {
      subject.obstacle = Reason::TokenInvalid;
      return false;
    }
    SessionEntry& session = *entry->session;
    if (reader_->stamp_of(session.shard) != session.read_at) read_session(session, entry->nonce);
    if (!session.session) {
      subject.obstacle = Reason::SessionRevoked;
      return false;
    }
    if (now >= entry->expires_at || now >= session.session->expires_at) {
      subject.obstacle = Reason::SessionExpired;
      return false;
    }
    if (is_revoked(*entry, application)) {
      subject.obstacle = Reason::SessionRevoked;
      return false;
    }
    if (application.enable_binding_cookie && !options_.binding_is_checked &&
        !is_bound(*entry, view(credentials.binding))) {
      subject.obstacle = Reason::TokenInvalid;
      return false;
    }
    subject.session = &session;
    subject.token = token;
    return true;
  };
  for (std::size_t i = 0; i < credentials.token_count; ++i) {
    if (consider(view(credentials.tokens[i]), i + 1)) return subject;
  }
  if (credentials.header_token_count == 1) consider(view(credentials.header_token), 0);
  if (credentials.header_token_count > 1) subject.obstacle = Reason::TokenInvalid;
  return subject;
}

// Whether the header that the application names holds service credentials: then it does not go on.
bool EnforcementPoint::read_credential_header(const gh_request& request,
                                              const decision::CompiledApplication& application,
                                              Outcome& outcome) {
  const std::string& name = application.read_service_tokens_from_header;
  if (name.empty()) return false;
  const auto value = header_of(request, name.c_str());
  if (!value.starts_with('{') || value.size() > kMaxCredentialHeaderBytes) return false;
  credential_header_ = json::parse(value).value_or(nullptr);
  const auto* object = credential_header_.if_object();
  // Else a header of that name that is none of ours.
  if (object == nullptr || !json::find_string(*object, kClientIdMember) ||
      !json::find_string(*object, kClientSecretMember))
    return false;
  outcome.credential_header = name;
  return true;
}

// None with the service token set when the request carries good credentials; None without when it
// carries none; a reason when it carries bad ones.
Reason EnforcementPoint::service_token_of(const gh_request& request,
                                          const decision::CompiledApplication& application,
                                          Instant now, Outcome& outcome) {
  const gh_credentials& credentials = *request.credentials;
  std::string_view client_id = view(credentials.client_id);
  std::string_view client_secret = view(credentials.client_secret);
  const bool usual = credentials.client_id_count != 0 || credentials.client_secret_count != 0;
  if (usual && (credentials.client_id_count != 1 || credentials.client_secret_count != 1))
    return Reason::ServiceTokenInvalid;
  const bool in_header = read_credential_header(request, application, outcome);
  if (!usual) {
    if (!in_header) return Reason::None;
    const auto& object = credential_header_.get_object();
    client_id = *json::find_string(object, kClientIdMember);
    client_secret = *json::find_string(object, kClientSecretMember);
  }
  const auto* known = snapshot_->service_token_by_client_id(client_id);
  if (known == nullptr || !known->enabled) return Reason::ServiceTokenInvalid;
  const std::string digest = crypto::sha256(client_secret);
  const bool is_current = constant_time_equal(digest, known->secret_sha256);
  const bool is_previous = !known->previous_secret_sha256.empty() &&
                           constant_time_equal(digest, known->previous_secret_sha256) &&
                           now < known->previous_expires_at;
  if (!is_current && !is_previous) return Reason::ServiceTokenInvalid;
  if (known->expires_at && now >= *known->expires_at) return Reason::ServiceTokenExpired;
  outcome.service_token = known;
  return Reason::None;
}

// INVARIANT: judged by the authorities of the host that the request names, whatever nginx or the
// TLS session thought of it; a certificate shown for one host does not count for another.
decision::CertificateEvidence EnforcementPoint::certificate_of(const gh_request& request,
                                                               Instant now) {
  using State = decision::CertificateEvidence::State;
  const auto* authorities = snapshot_->client_certificates(view(request.host));
  if (authorities == nullptr) return {};
  if (request.certificate_unknown != 0) return {.state = State::Unknown};
  if (request.lookup.certificate == nullptr) return {};
  const std::string_view der = view(request.lookup.certificate(request.lookup.source));
  if (der.empty()) return {};
  Digest digest{};
  crypto_shorthash_siphashx24(reinterpret_cast<unsigned char*>(digest.data()),
                              reinterpret_cast<const unsigned char*>(der.data()), der.size(),
                              digest_key_.data());
  digest[1] ^= reinterpret_cast<std::uintptr_t>(authorities);
  CertificateEntry* entry = certificates_.find(digest);
  const bool good = entry != nullptr && entry->generation == generation_ &&
                    (entry->judgement ? now < authorities->good_until()
                                      : now - entry->judged_at < kRefusalMemory);
  if (!good) {
    entry = &certificates_.insert(digest, {authorities->judge(der, now), now, generation_});
  }
  const auto& judgement = entry->judgement;
  if (!judgement || now < judgement->not_before || now >= judgement->not_after) {
    return {.state = State::Invalid};
  }
  return {State::Valid, judgement->common_name, judgement->serial};
}

const std::string* EnforcementPoint::assertion_of(const std::string& service_token_id,
                                                  const std::string& audience) {
  if (reader_->assertion_stamp() != assertion_stamp_) {
    assertions_.clear();
    assertion_stamp_ = reader_->assertion_stamp();
  }
  const std::string key = service_token_id + "/" + audience;
  if (const std::string* known = assertions_.find(key)) return known;
  auto record = reader_->assertion(service_token_id, audience);
  if (!record || !*record) return nullptr;
  return &assertions_.insert(key, std::move(**record));
}

EnforcementPoint::Outcome EnforcementPoint::decide(const gh_request& request) {
  Outcome outcome;
  decide(request, outcome);
  return outcome;
}

void EnforcementPoint::decide(const gh_request& request, Outcome& outcome) {
  outcome = {};
  if (const Reason reason = judge(request, outcome); reason != Reason::None) {
    outcome.decision = {};
    outcome.decision.reason = reason;
  }
}

Reason EnforcementPoint::judge(const gh_request& request, Outcome& outcome) {
  const Instant now = from_epoch_seconds(request.now);
  if (const Reason reason = prepare(now); reason != Reason::None) {
    outcome.node_state_usable = false;
    return reason;
  }
  outcome.transaction = reader_->seen_transaction();
  outcome.basis.common_stamp = common_stamp_;
  const std::string_view target = view(request.target);
  const auto located = locate(view(request.host), target.substr(0, target.find('?')));
  // INVARIANT 1: what is judged is the raw target that is forwarded, in every reading of it.
  if (located.ambiguous) return Reason::AmbiguousPath;
  if (located.application == nullptr) return Reason::UnknownApplication;
  outcome.application = located.application;

  const auto& application = *located.application;
  outcome.preflight = is_preflight(request, application);
  decision::Evidence evidence;
  evidence.cors_preflight = outcome.preflight;
  evidence.client_ip = address_of(request);
  if (application.uses_country && options_.country_of) {
    evidence.country = options_.country_of(evidence.client_ip);
  }
  evidence.certificate = certificate_of(request, now);
  const Reason service = service_token_of(request, application, now, outcome);
  if (service != Reason::None) return service;
  evidence.service_token = outcome.service_token;
  Subject subject;
  if (evidence.service_token == nullptr) {
    subject = subject_of(request, application, now);
    if (subject.session != nullptr) {
      evidence.session = &*subject.session->session;
      evidence.canonical_email = subject.session->canonical_email;
      outcome.basis.shard = static_cast<std::uint32_t>(subject.session->shard);
      outcome.basis.session_stamp = subject.session->read_at;
    }
  }
  outcome.session = evidence.session;
  outcome.decision = decision::evaluate(*snapshot_, application, evidence, now);
  if (outcome.decision.effect == decision::Effect::Allow) {
    outcome.assertion = subject.token;
    if (evidence.service_token != nullptr) {
      const std::string* assertion = assertion_of(evidence.service_token->id, application.audience);
      if (assertion == nullptr) return Reason::NodeStateUnavailable;
      outcome.assertion = *assertion;
    }
  } else if (evidence.service_token != nullptr &&
             outcome.decision.challenge == decision::Challenge::SignIn) {
    // A program that has shown who it is cannot sign in: it is not permitted.
    return Reason::ServiceTokenNotPermitted;
  } else if (outcome.decision.reason == Reason::NotSignedIn) {
    outcome.decision.reason = subject.obstacle;  // why the credential shown does not count
  }
  return Reason::None;
}

}  // namespace gatehouse::enforcement
