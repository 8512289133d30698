#include "controlplane/pin_desk.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

#include "model/limits.h"
#include "platform/random.h"

namespace gatehouse::controlplane {

std::string pin_code_hash(const Vault& vault, std::string_view pin_id, std::string_view code) {
  return vault.keyed_hash("pin", fmt::format("{}:{}", pin_id, code));
}

PinDesk::PinDesk(storage::Store& store, const Vault& vault, Clock clock, Delivery delivery)
    : store_(store),
      vault_(vault),
      clock_(std::move(clock)),
      delivery_(std::move(delivery)),
      client_limiter_(kMaxPinRequestsPerClient, model::kPinLifetime),
      browser_limiter_(kMaxPinRequestsPerBrowser, model::kPinLifetime),
      thread_([this] { work(); }) {}

PinDesk::~PinDesk() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool PinDesk::admit(std::string_view client, std::string_view browser, Instant now) {
  const bool client_admitted = client_limiter_.admit(client, now);
  const bool browser_admitted = browser_limiter_.admit(browser, now);
  return client_admitted && browser_admitted;
}

void PinDesk::place(Order order) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxPinsWaiting) {
      ++dropped_;
      spdlog::error("pin_dropped waiting={}", waiting_.size());
      return;
    }
    waiting_.push_back(std::move(order));
  }
  changed_.notify_all();
}

void PinDesk::wait_until_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.empty() && !working_; });
}

std::uint64_t PinDesk::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void PinDesk::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const Order order = std::move(waiting_.front());
    waiting_.pop_front();
    working_ = true;
    lock.unlock();
    // The job loop's catch-all: one order that meets a bug must not end sign-in for everybody.
    bool failed = false;
    try {
      fulfil(order);
    } catch (const std::exception& error) {
      failed = true;
      spdlog::error("pin_failed bug=\"{}\"", error.what());
    }
    lock.lock();
    dropped_ += failed ? 1 : 0;
    working_ = false;
    changed_.notify_all();
  }
}

// Every address gets a pin that can be tried and a place in the count; only who could be admitted
// gets mail. So neither answers nor their number tell the two apart.
void PinDesk::fulfil(const Order& order) {
  const Instant now = clock_();
  const auto earlier = store_.pins_since(order.email, now - model::kPinLifetime);
  if (!earlier) {
    spdlog::error("pin_failed message=\"{}\"", earlier.error().message);
    return;
  }
  if (*earlier >= kMaxPinsPerAddress) {
    spdlog::info("pin_withheld reason=too_many_for_address");
    return;
  }
  std::uint32_t bound = 1;
  for (int digit = 0; digit < kPinDigits; ++digit) bound *= 10;
  const std::string code = fmt::format("{:0{}}", random_below(bound), kPinDigits);

  storage::PinRecord record;
  record.id = order.id;
  record.email = order.email;
  record.browser = order.browser;
  record.code_hash = pin_code_hash(vault_, order.id, code);
  record.created_at = now;
  record.expires_at = now + model::kPinLifetime;
  if (const auto stored = store_.put_pin(record); !stored) {
    spdlog::error("pin_failed message=\"{}\"", stored.error().message);
    return;
  }
  if (!order.could_admit()) {
    spdlog::info("pin_withheld reason=no_policy_could_admit");
    return;
  }
  delivery_(order.email, code);
}

}  // namespace gatehouse::controlplane
