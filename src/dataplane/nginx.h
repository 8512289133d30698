// nginx as a supervised child: written, tested, started, reloaded, started again when it dies. A
// control plane that dies leaves it running; the next one finds it by its pid file and takes it
// over. Thread-safe.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/nginx_config.h"

namespace gatehouse::dataplane {

struct NginxError {
  std::string message;  // nginx's own words where it has some
};

struct NginxOptions {
  std::string binary = "/usr/sbin/nginx";
  std::string prefix;  // folder for the configuration, pid, temporary files; made when absent
  std::string module;  // compared with the running one's age when taking over
  std::function<void(const std::string&)> log;
};

class Nginx {
 public:
  explicit Nginx(NginxOptions options);
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;
  ~Nginx();  // stop()

  // Tests the configuration, then starts nginx with it, or takes a running one over and reloads it.
  // `files` are written before, unless they are there already.
  [[nodiscard]] std::expected<void, NginxError> start(const std::string& configuration,
                                                      const std::vector<NamedFile>& files = {});
  // Tests first; on an error the running configuration stays.
  [[nodiscard]] std::expected<void, NginxError> reload(const std::string& configuration,
                                                       const std::vector<NamedFile>& files = {});
  // After its log files have been renamed.
  void reopen_logs() const;
  // Lets requests end (SIGQUIT, at most 5 s), then ends it.
  void stop();
  [[nodiscard]] pid_t master() const { return master_.load(); }
  // Our nginx has its ports: it writes its pid file only after binding them.
  [[nodiscard]] bool is_serving() const;
  [[nodiscard]] unsigned restarts() const { return restarts_.load(); }

 private:
  [[nodiscard]] std::expected<void, NginxError> install(const std::string& configuration,
                                                        const std::vector<NamedFile>& files);
  [[nodiscard]] std::expected<void, NginxError> spawn();
  [[nodiscard]] pid_t running_master() const;
  void supervise();

  NginxOptions options_;
  std::atomic<pid_t> master_{0};
  std::atomic<unsigned> restarts_{0};
  std::mutex mutex_;  // start, reload, stop, restart
  std::atomic<bool> stopping_{false};
  int wake_ = -1;  // eventfd: stop() wakes the supervisor
  std::thread supervisor_;
};

}  // namespace gatehouse::dataplane
