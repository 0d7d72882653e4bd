// A moment that one thread reaches and others wait for: an order of events without a sleep.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace conduit::test {

class moment {
 public:
  void reach() {
    const std::lock_guard hold(mutex_);
    reached_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [this] { return reached_; });
  }
  // For what must not happen: false where it has not happened by then.
  template <typename Duration>
  bool wait_for(Duration at_most) {
    std::unique_lock hold(mutex_);
    return changed_.wait_for(hold, at_most, [this] { return reached_; });
  }
  bool reached() {
    const std::lock_guard hold(mutex_);
    return reached_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reached_ = false;
};

}  // namespace conduit::test
