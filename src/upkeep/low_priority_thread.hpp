// The thread that encodes and compares, at the lowest priority. It does no work under the
// inter-process lock, since others wait for the lock.
#pragma once

#include <condition_variable>
#include <mutex>
#include <system_error>

#include "base/thread_crew.hpp"

namespace conduit::detail {

class low_priority_thread {
 public:
  // Runs `work`, which must not throw, and waits for its result; returns an error if no thread can
  // be started. For one caller at a time.
  template <typename Work>
  std::error_code run(Work work) noexcept {
    finished end;
    const std::error_code refused = crew_.post([&work, &end] {
      lower_priority();
      end.tell(work());
    });
    return refused ? refused : end.wait();
  }

 private:
  // The result, once it is available.
  class finished {
   public:
    void tell(std::error_code result) noexcept {
      const std::lock_guard hold(mutex_);
      result_ = result;
      told_ = true;
      changed_.notify_one();  // under the mutex: afterwards this object may be gone
    }
    std::error_code wait() noexcept {
      std::unique_lock hold(mutex_);
      changed_.wait(hold, [this] { return told_; });
      return result_;
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::error_code result_;
    bool told_ = false;
  };

  // Lowers the priority of the calling thread.
  static void lower_priority() noexcept;

  thread_crew crew_{1};
};

}  // namespace conduit::detail
