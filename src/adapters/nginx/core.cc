#include "adapters/nginx/core.h"

#include <sodium.h>

#include <array>
#include <cstring>

#include "base/encoding.h"
#include "enforcement/decision_record.h"
#include "enforcement/point.h"
#include "enforcement/respond.h"
#include "platform/country_database.h"
#include "selectors/registry.h"

using gatehouse::enforcement::Basis;
using gatehouse::enforcement::EnforcementPoint;
using gatehouse::enforcement::PointOptions;
using gatehouse::enforcement::Response;

struct gh_core {
  EnforcementPoint point;
  EnforcementPoint::Outcome last;
  gh_log log;
  void* log_data;
  gatehouse::enforcement::DecisionSample sample;
};

namespace {

namespace decision = gatehouse::decision;
namespace json = gatehouse::json;

gh_text borrow(std::string_view text) { return {text.data(), text.size()}; }

gh_text copy(std::string_view text, gh_allocate allocate, void* pool) {
  if (text.empty()) return {nullptr, 0};
  void* memory = allocate(pool, text.size());
  if (memory == nullptr) throw std::bad_alloc();
  std::memcpy(memory, text.data(), text.size());
  return {static_cast<const char*>(memory), text.size()};
}

// What is borrowed becomes the request's own, in one piece of memory.
void own(std::initializer_list<gh_text*> texts, gh_allocate allocate, void* pool) {
  std::size_t size = 0;
  for (const gh_text* text : texts) size += text->size;
  if (size == 0) return;
  auto* memory = static_cast<char*>(allocate(pool, size));
  if (memory == nullptr) throw std::bad_alloc();
  for (gh_text* text : texts) {
    if (text->size == 0) continue;
    std::memcpy(memory, text->data, text->size);
    text->data = memory;
    memory += text->size;
  }
}

gh_text code_of(decision::Reason reason) { return borrow(decision::info(reason).code); }

gh_basis to_c(const Basis& basis) {
  static_assert(gatehouse::enforcement::kNoShard == GH_NO_SHARD);
  return {basis.shard, basis.session_stamp, basis.common_stamp};
}

void refuse_for_error(gh_core& core, gh_verdict& verdict) {
  core.last = {};
  verdict = {};
  verdict.effect = borrow(decision::to_string(decision::Effect::Deny));
  verdict.reason = code_of(decision::Reason::InternalError);
  verdict.logged = 1;
}

void log_bug(gh_core& core, const char* what) noexcept { core.log(core.log_data, what); }

// Opened once: an nginx reload makes new workers, which see a file that has been replaced.
std::shared_ptr<const gatehouse::CountryDatabase> open_countries(
    const char* path, const std::function<void(const std::string&)>& say) {
  if (path == nullptr || *path == '\0') return nullptr;
  auto opened = gatehouse::CountryDatabase::open(path);
  if (opened) return *opened;
  say(opened.error().message + ": every country is unknown");
  return nullptr;
}

PointOptions point_options(const gh_options& options, gh_log log, void* log_data) {
  PointOptions result;
  result.open_node_state = [directory = std::filesystem::path(options.state_directory)] {
    return gatehouse::node_state::Reader::open(directory);
  };
  result.selectors = gatehouse::selectors::registry();
  result.log = [log, log_data](const std::string& line) { log(log_data, line.c_str()); };
  if (auto countries = open_countries(options.country_database, result.log)) {
    result.country_of = [countries = std::move(countries)](const gatehouse::IpAddress& address) {
      return countries->country_of(address);
    };
  }
  return result;
}

void fill_headers(const EnforcementPoint::Outcome& outcome, gh_allocate allocate, void* pool,
                  gh_verdict& verdict) {
  // The token of the request lies in the request; an assertion of ours does not.
  verdict.assertion = outcome.session != nullptr ? borrow(outcome.assertion)
                                                 : copy(outcome.assertion, allocate, pool);
  if (outcome.session != nullptr) verdict.email = borrow(outcome.session->identity.email);
  if (!outcome.application->decision_headers) return;
  verdict.decision_headers = 1;
  if (outcome.decision.policy != nullptr) {
    verdict.policy_name =
        copy(gatehouse::percent_encode(outcome.decision.policy->name), allocate, pool);
  }
  if (outcome.session == nullptr) return;
  for (const auto& evidence : outcome.session->posture) {
    for (const auto& integration : outcome.application->posture_integrations) {
      if (evidence.integration_id == integration) {
        verdict.device_id = copy(gatehouse::percent_encode(evidence.device_id), allocate, pool);
      }
    }
  }
}

}  // namespace

gh_core* gh_core_create(const gh_options* options, gh_log log, void* log_data) {
  if (sodium_init() < 0) return nullptr;
  try {
    return new gh_core{EnforcementPoint(point_options(*options, log, log_data)),
                       {},
                       log,
                       log_data,
                       gatehouse::enforcement::DecisionSample(options->allow_sample)};
  } catch (...) {
    return nullptr;
  }
}

void gh_core_destroy(gh_core* core) { delete core; }

// One of the three catch-alls of the product: nothing thrown here reaches nginx; the request is
// denied.
void gh_decide(gh_core* core, const gh_request* request, gh_allocate allocate, void* pool,
               gh_verdict* verdict) {
  *verdict = {};
  try {
    core->point.decide(*request, core->last);
    const EnforcementPoint::Outcome& outcome = core->last;
    const bool allowed = outcome.decision.effect == decision::Effect::Allow;
    const bool bypassed = outcome.decision.effect == decision::Effect::Bypass;
    verdict->pass = allowed || bypassed ? 1 : 0;
    verdict->logged = core->sample.takes(outcome.decision.effect) ? 1 : 0;
    verdict->transaction = outcome.transaction;
    verdict->basis = to_c(outcome.basis);
    verdict->credential_header = borrow(outcome.credential_header);
    if (verdict->logged != 0) {
      verdict->evidence = copy(json::serialize(gatehouse::enforcement::evidence_ages(
                                   outcome, gatehouse::from_epoch_seconds(request->now))),
                               allocate, pool);
    }
    verdict->effect = borrow(decision::to_string(outcome.decision.effect));
    if (verdict->pass == 0) verdict->reason = code_of(outcome.decision.reason);
    if (outcome.decision.policy != nullptr)
      verdict->policy_id = borrow(outcome.decision.policy->id);
    if (outcome.application != nullptr) verdict->application_id = borrow(outcome.application->id);
    if (allowed) fill_headers(outcome, allocate, pool, *verdict);
    own({&verdict->policy_id, &verdict->application_id, &verdict->email,
         &verdict->credential_header},
        allocate, pool);
  } catch (const std::exception& error) {
    log_bug(*core, error.what());
    refuse_for_error(*core, *verdict);
  } catch (...) {
    refuse_for_error(*core, *verdict);
  }
}

void gh_refresh(gh_core* core, int64_t now) {
  try {
    core->point.refresh(gatehouse::from_epoch_seconds(now));
  } catch (const std::exception& error) {
    log_bug(*core, error.what());
  } catch (...) {
  }
}

int gh_basis_moved(const gh_core* core, const gh_basis* basis) {
  return core->point.has_moved({basis->shard, basis->session_stamp, basis->common_stamp}) ? 1 : 0;
}

int gh_still_allowed(gh_core* core, const gh_request* request, gh_basis* basis, gh_text* reason) {
  try {
    const EnforcementPoint::Outcome outcome = core->point.decide(*request);
    *basis = to_c(outcome.basis);
    *reason = code_of(outcome.decision.reason);
    return outcome.decision.effect == decision::Effect::Allow ||
                   outcome.decision.effect == decision::Effect::Bypass
               ? 1
               : 0;
  } catch (const std::exception& error) {
    log_bug(*core, error.what());
  } catch (...) {
  }
  *reason = code_of(decision::Reason::InternalError);
  return 0;
}

void gh_respond(gh_core* core, const gh_request* request, const gh_particulars* particulars,
                gh_allocate allocate, void* pool, gh_response* response) {
  *response = {};
  response->status = 503;
  try {
    std::array<unsigned char, 16> random{};
    randombytes_buf(random.data(), random.size());
    const Response made = gatehouse::enforcement::respond(
        core->last, core->point.snapshot(), *request, *particulars,
        {reinterpret_cast<const char*>(random.data()), random.size()});
    const auto keep = [&](const std::string& text) { return copy(text, allocate, pool); };
    response->content_type = keep(made.content_type);
    response->body = keep(made.body);
    response->location = keep(made.location);
    for (const auto& [name, value] : made.headers) {
      if (value.empty() || response->header_count == GH_MAX_RESPONSE_HEADERS) continue;
      response->headers[response->header_count++] = {keep(name), keep(value)};
    }
    response->status = made.status;
  } catch (const std::exception& error) {
    log_bug(*core, error.what());
    *response = {};
    response->status = 503;
  } catch (...) {
    *response = {};
    response->status = 503;
  }
}
