#include "adapters/nginx/worker.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "jose/jwt.h"
#include "model/limits.h"
#include "policy/snapshot_document.h"

namespace gatehouse::adapters {
namespace {

using decision::Reason;

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

Reason reason_of(jose::JwtError error) {
  return error == jose::JwtError::Expired ? Reason::SessionExpired : Reason::TokenInvalid;
}

}  // namespace

Worker::Worker(std::filesystem::path state_directory, decision::SelectorRegistry selectors, Log log)
    : directory_(std::move(state_directory)), selectors_(selectors), log_(std::move(log)) {
  randombytes_buf(digest_key_.data(), digest_key_.size());
}

// Brings snapshot and stamps up to the last transaction. None when they can be decided on.
Reason Worker::prepare(Instant now) {
  if (now != looked_at_) {  // once a second: is the file at the path still the one we have mapped?
    looked_at_ = now;
    if (reader_ && !reader_->is_current()) reader_.reset();
    if (!reader_) {
      // Stamps of another environment say nothing about what was read from the last one.
      snapshot_.reset();
      sole_application_ = nullptr;
      snapshot_stamp_ = 0;
      tokens_.clear();
      sessions_.clear();
      assertions_.clear();
      auto opened = node_state::Reader::open(directory_);
      if (opened) {
        reader_ = std::move(*opened);
      } else {
        log_(opened.error().message);
      }
    }
  }
  if (!reader_ || !reader_->refresh()) return Reason::NodeStateUnavailable;
  if (reader_->snapshot_stamp() != snapshot_stamp_ && !load_snapshot()) {
    return Reason::NodeStateUnavailable;
  }
  if (!snapshot_) return Reason::NodeStateUnavailable;
  // INVARIANT 3: without a living control plane revocations do not arrive; the state ages.
  const auto heartbeat = reader_->heartbeat();
  if (!heartbeat) return Reason::NodeStateUnavailable;
  if (now - *heartbeat > snapshot_->node_state_max_age()) return Reason::NodeStateTooOld;
  return Reason::None;
}

bool Worker::load_snapshot() {
  const std::uint64_t stamp = reader_->snapshot_stamp();
  snapshot_.reset();  // whatever happens now, the old policies no longer decide
  sole_application_ = nullptr;
  snapshot_stamp_ = stamp;
  auto document = reader_->snapshot();
  if (!document || !*document) {
    log_(document ? "the node state has no snapshot" : document.error().message);
    return false;
  }
  auto compiled = policy::compile_snapshot(**document, selectors_);
  if (!compiled) {
    const auto& problem = compiled.error().front();
    log_("cannot use the snapshot: " + problem.pointer + ": " + problem.message);
    return false;
  }
  snapshot_ = std::move(*compiled);
  sole_application_ = nullptr;
  ++generation_;
  if (std::string keys = identity_of_keys(*snapshot_); keys != keys_) {
    keys_ = std::move(keys);
    tokens_.clear();
    refusals_.clear();
  }
  return true;
}

decision::Snapshot::Located Worker::locate(std::string_view host, std::string_view path) {
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

Worker::Digest Worker::digest_of(std::string_view token, gh_connection_memo* memo) const {
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
  if (memo != nullptr && token.size() <= memo->capacity) {
    std::memcpy(memo->token, token.data(), token.size());
    memo->size = token.size();
    std::copy_n(digest.begin(), digest.size(), memo->digest);
  }
  return digest;
}

Worker::TokenEntry* Worker::verified(std::string_view token, gh_connection_memo* memo, Instant now,
                                     Reason& obstacle) {
  if (token.size() > model::kMaxAccessTokenBytes) {
    obstacle = Reason::TokenInvalid;
    return nullptr;
  }
  const Digest digest = digest_of(token, memo);
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
  entry.session = session_of(entry.nonce);
  return &tokens_.insert(digest, std::move(entry));
}

std::shared_ptr<Worker::SessionEntry> Worker::session_of(const std::string& nonce) {
  if (auto* known = sessions_.find(nonce)) return *known;
  auto entry = std::make_shared<SessionEntry>();
  entry->shard = node_state::shard_of(nonce);
  read_session(*entry, nonce);
  return sessions_.insert(nonce, std::move(entry));
}

void Worker::read_session(SessionEntry& entry, const std::string& nonce) {
  entry.read_at = reader_->stamp_of(entry.shard);
  entry.session.reset();
  auto record = reader_->session(nonce);
  if (!record) {
    log_(record.error().message);
    return;
  }
  entry.session = std::move(*record);
  entry.canonical_email.clear();
  if (entry.session) {
    entry.canonical_email = model::canonical_email(entry.session->identity.email).value_or("");
  }
}

// The person of the first token that is good for this application now.
Worker::Subject Worker::subject_of(const gh_request& request,
                                   const decision::CompiledApplication& application, Instant now) {
  const gh_credentials& credentials = *request.credentials;
  Subject subject;
  const auto consider = [&](std::string_view token) {
    TokenEntry* entry = verified(token, request.memo, now, subject.obstacle);
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
    for (const auto& revocation : session.session->revocations) {
      if (revocation.audience == application.audience &&
          entry->issued_at < revocation.issued_before) {
        subject.obstacle = Reason::SessionRevoked;
        return false;
      }
    }
    subject.session = &session;
    subject.token = token;
    return true;
  };
  for (std::size_t i = 0; i < credentials.token_count; ++i) {
    if (consider(view(credentials.tokens[i]))) return subject;
  }
  if (credentials.header_token_count == 1) consider(view(credentials.header_token));
  if (credentials.header_token_count > 1) subject.obstacle = Reason::TokenInvalid;
  return subject;
}

// None with `token` set when the request carries good service credentials; None without when it
// carries none; a reason when it carries bad ones.
Reason Worker::service_token_of(const gh_credentials& credentials, Instant now,
                                const decision::CompiledServiceToken*& token) {
  if (credentials.client_id_count == 0 && credentials.client_secret_count == 0) return Reason::None;
  if (credentials.client_id_count != 1 || credentials.client_secret_count != 1) {
    return Reason::ServiceTokenInvalid;
  }
  const auto* known = snapshot_->service_token_by_client_id(view(credentials.client_id));
  if (known == nullptr || !known->enabled ||
      !constant_time_equal(crypto::sha256(view(credentials.client_secret)), known->secret_sha256)) {
    return Reason::ServiceTokenInvalid;
  }
  if (known->expires_at && now >= *known->expires_at) return Reason::ServiceTokenExpired;
  token = known;
  return Reason::None;
}

const std::string* Worker::assertion_of(const std::string& service_token_id,
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

Worker::Outcome Worker::decide(const gh_request& request) {
  const Instant now = from_epoch_seconds(request.now);
  Outcome outcome;
  const auto refuse = [&](Reason reason) {
    outcome.decision = {};
    outcome.decision.reason = reason;
    return outcome;
  };
  if (const Reason reason = prepare(now); reason != Reason::None) {
    outcome.node_state_usable = false;
    return refuse(reason);
  }
  const std::string_view target = view(request.target);
  const auto located = locate(view(request.host), target.substr(0, target.find('?')));
  // INVARIANT 1: what is judged is the raw target that is forwarded, in every reading of it.
  if (located.ambiguous) return refuse(Reason::AmbiguousPath);
  if (located.application == nullptr) return refuse(Reason::UnknownApplication);
  outcome.application = located.application;

  decision::Evidence evidence;
  evidence.client_ip = address_of(request);
  const Reason service = service_token_of(*request.credentials, now, evidence.service_token);
  if (service != Reason::None) return refuse(service);
  Subject subject;
  if (evidence.service_token == nullptr) {
    subject = subject_of(request, *located.application, now);
    if (subject.session != nullptr) {
      evidence.session = &*subject.session->session;
      evidence.canonical_email = subject.session->canonical_email;
    }
  }
  outcome.session = evidence.session;
  outcome.decision = decision::evaluate(*snapshot_, *located.application, evidence, now);
  if (outcome.decision.effect == decision::Effect::Allow) {
    outcome.assertion = subject.token;
    if (evidence.service_token != nullptr) {
      const std::string* assertion =
          assertion_of(evidence.service_token->id, located.application->audience);
      if (assertion == nullptr) return refuse(Reason::NodeStateUnavailable);
      outcome.assertion = *assertion;
    }
  } else if (evidence.service_token != nullptr &&
             outcome.decision.challenge == decision::Challenge::SignIn) {
    // A program that has shown who it is cannot sign in: it is not permitted.
    return refuse(Reason::ServiceTokenNotPermitted);
  } else if (outcome.decision.reason == Reason::NotSignedIn) {
    outcome.decision.reason = subject.obstacle;  // why the credential shown does not count
  }
  return outcome;
}

}  // namespace gatehouse::adapters
