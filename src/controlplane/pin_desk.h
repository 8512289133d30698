// One-time PINs: whether one is worth sending, made, stored and handed to its owner, all on one
// background thread behind a bounded queue. Nothing about the address shows in the time or the
// answer of the request that asked. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/time.h"
#include "controlplane/limiter.h"
#include "controlplane/vault.h"
#include "platform/clock.h"
#include "storage/store.h"

namespace gatehouse::controlplane {

inline constexpr int kPinDigits = 6;
inline constexpr int kMaxPinsPerAddress = 3;          // in kPinLifetime
inline constexpr int kMaxPinRequestsPerClient = 20;   // in kPinLifetime, by network address
inline constexpr int kMaxPinRequestsPerBrowser = 10;  // in kPinLifetime
inline constexpr std::size_t kMaxPinsWaiting = 256;

// What the store has in place of the code.
[[nodiscard]] std::string pin_code_hash(const Vault& vault, std::string_view pin_id,
                                        std::string_view code);

class PinDesk {
 public:
  struct Order {
    std::string id;       // of the pin
    std::string email;    // canonical
    std::string browser;  // hash of its cookie
    // Whether some policy could admit this address; asked on the background thread.
    std::function<bool()> could_admit;
  };
  using Delivery = std::function<void(const std::string& email, const std::string& code)>;

  // Borrows store and vault. An empty delivery: is_set_up() is false.
  PinDesk(storage::Store& store, const Vault& vault, Clock clock, Delivery delivery);
  ~PinDesk();  // joins; orders still waiting are dropped
  PinDesk(const PinDesk&) = delete;
  PinDesk& operator=(const PinDesk&) = delete;

  [[nodiscard]] bool is_set_up() const { return static_cast<bool>(delivery_); }
  // Counts one request of this client; false: too many.
  [[nodiscard]] bool admit(std::string_view client, std::string_view browser, Instant now);
  // Never blocks. When too many wait, the order is dropped, logged and counted.
  void place(Order order);
  // Returns when every order placed before has been worked off. For tests.
  void wait_until_idle();
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  void work();
  void fulfil(const Order& order);

  storage::Store& store_;
  const Vault& vault_;
  Clock clock_;
  Delivery delivery_;
  Limiter client_limiter_;
  Limiter browser_limiter_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Order> waiting_;
  bool working_ = false;
  bool stopping_ = false;
  std::uint64_t dropped_ = 0;
  std::thread thread_;
};

}  // namespace gatehouse::controlplane
