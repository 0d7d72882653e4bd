// A thread that waits in the kernel for the inter-process lock, so that nobody else has to.
#pragma once

#include <memory>
#include <mutex>
#include <system_error>
#include <utility>

#include "base/thread_crew.hpp"
#include "lock/lock_description.hpp"

namespace conduit::lock {

// Those who wait. Called by the thread, which may outlive the store that they belong to.
class lock_waiters {
 public:
  lock_waiters() = default;
  lock_waiters(const lock_waiters&) = delete;
  lock_waiters& operator=(const lock_waiters&) = delete;
  virtual ~lock_waiters() = default;

  // The description through which to wait next. Null where nobody waits.
  virtual std::unique_ptr<lock_description> next() noexcept = 0;
  // `lock` holds the lock, or it cannot be had.
  virtual void serve(std::error_code refused, std::unique_ptr<lock_description> lock) noexcept = 0;
};

// For any thread. Nothing can interrupt the wait but the lock: so the thread keeps the waiters
// alive and is not joined. Waits that were given up cost it nothing.
class lock_thread {
 public:
  explicit lock_thread(std::shared_ptr<lock_waiters> waiters)
      : work_(std::make_shared<work>(std::move(waiters))) {}
  lock_thread(const lock_thread&) = delete;
  lock_thread& operator=(const lock_thread&) = delete;
  ~lock_thread() { threads_.leave(); }

  // To be called after somebody began to wait. An error, that of `thread_crew::post`: nobody is
  // served.
  std::error_code wake() noexcept;

 private:
  class work {
   public:
    explicit work(std::shared_ptr<lock_waiters> waiters) noexcept : waiters_(std::move(waiters)) {}
    void run() noexcept;

    std::mutex mutex;
    bool running = false;  // guarded by the mutex, as is `again`
    bool again = false;    // somebody began to wait since the thread found nobody

   private:
    bool goes_on() noexcept;

    const std::shared_ptr<lock_waiters> waiters_;
  };

  const std::shared_ptr<work> work_;
  thread_crew threads_{1};
};

}  // namespace conduit::lock
