#include "adapters/nginx/core.h"

#include <sodium.h>

#include <array>
#include <cstring>

#include "adapters/nginx/respond.h"
#include "adapters/nginx/worker.h"
#include "base/encoding.h"
#include "selectors/registry.h"

using gatehouse::adapters::Response;
using gatehouse::adapters::Worker;

struct gh_core {
  Worker worker;
  Worker::Outcome last;
  gh_log log;
  void* log_data;
};

namespace {

namespace decision = gatehouse::decision;

gh_text borrow(std::string_view text) { return {text.data(), text.size()}; }

gh_text copy(std::string_view text, gh_allocate allocate, void* pool) {
  if (text.empty()) return {nullptr, 0};
  void* memory = allocate(pool, text.size());
  if (memory == nullptr) throw std::bad_alloc();
  std::memcpy(memory, text.data(), text.size());
  return {static_cast<const char*>(memory), text.size()};
}

void refuse_for_error(gh_core& core, gh_verdict& verdict) {
  core.last = {};
  verdict = {};
  verdict.effect = "deny";
  verdict.reason = decision::info(decision::Reason::InternalError).code.data();
  verdict.audited = 1;
}

void log_bug(gh_core& core, const char* what) noexcept { core.log(core.log_data, what); }

void fill_headers(const Worker::Outcome& outcome, gh_allocate allocate, void* pool,
                  gh_verdict& verdict) {
  // The token of the request lies in the request; an assertion of ours does not.
  verdict.assertion = outcome.session != nullptr ? borrow(outcome.assertion)
                                                 : copy(outcome.assertion, allocate, pool);
  if (outcome.session != nullptr) {
    verdict.email = copy(outcome.session->identity.email, allocate, pool);
  }
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

gh_core* gh_core_create(const char* state_directory, gh_log log, void* log_data) {
  if (sodium_init() < 0) return nullptr;
  try {
    return new gh_core{
        Worker(state_directory, gatehouse::selectors::registry(),
               [log, log_data](const std::string& message) { log(log_data, message.c_str()); }),
        {},
        log,
        log_data};
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
    core->last = core->worker.decide(*request);
    const Worker::Outcome& outcome = core->last;
    const bool allowed = outcome.decision.effect == decision::Effect::Allow;
    const bool bypassed = outcome.decision.effect == decision::Effect::Bypass;
    verdict->pass = allowed || bypassed ? 1 : 0;
    verdict->audited = bypassed || outcome.decision.effect == decision::Effect::Deny ? 1 : 0;
    verdict->effect = decision::to_string(outcome.decision.effect).data();
    verdict->reason = verdict->pass != 0 ? "" : decision::info(outcome.decision.reason).code.data();
    if (outcome.decision.policy != nullptr)
      verdict->policy_id = borrow(outcome.decision.policy->id);
    if (outcome.application != nullptr) verdict->application_id = borrow(outcome.application->id);
    if (allowed) fill_headers(outcome, allocate, pool, *verdict);
  } catch (const std::exception& error) {
    log_bug(*core, error.what());
    refuse_for_error(*core, *verdict);
  } catch (...) {
    refuse_for_error(*core, *verdict);
  }
}

void gh_respond(gh_core* core, const gh_request* request, const gh_particulars* particulars,
                gh_allocate allocate, void* pool, gh_response* response) {
  *response = {};
  response->status = 503;
  try {
    std::array<unsigned char, 16> random{};
    randombytes_buf(random.data(), random.size());
    const Response made =
        gatehouse::adapters::respond(core->last, core->worker.snapshot(), *request, *particulars,
                                     {reinterpret_cast<const char*>(random.data()), random.size()});
    const auto keep = [&](const std::string& text) { return copy(text, allocate, pool); };
    *response = {made.status,           keep(made.content_type),
                 keep(made.body),       keep(made.location),
                 keep(made.set_cookie), keep(made.audience),
                 keep(made.domain),     keep(made.content_security_policy)};
  } catch (const std::exception& error) {
    log_bug(*core, error.what());
    *response = {};
    response->status = 503;
  } catch (...) {
    *response = {};
    response->status = 503;
  }
}
