// A thread that waits in the kernel for the inter-process lock, so that no other thread has to.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include "base/thread_crew.hpp"
#include "lock/lock_description.hpp"

namespace conduit::lock {

// The waiters. The thread, which may outlive their store, calls them.
class lock_waiters {
 public:
  lock_waiters() = default;
  lock_waiters(const lock_waiters&) = delete;
  lock_waiters& operator=(const lock_waiters&) = delete;
  virtual ~lock_waiters() = default;

  // The description to wait through next. Null if nobody waits.
  virtual std::unique_ptr<lock_description> next() noexcept = 0;
  // `lock` holds the lock unless `refused` is set.
  virtual void serve(std::error_code refused, std::unique_ptr<lock_description> lock) noexcept = 0;
};

// For any thread. Only the lock itself ends the wait: so the thread keeps the waiters alive and is
// not joined. Abandoned waits cost it nothing.
class lock_thread {
 public:
  // `directory`: the data directory, where the wait is marked.
  lock_thread(std::shared_ptr<lock_waiters> waiters, std::string directory)
      : work_(std::make_shared<work>(std::move(waiters), std::move(directory))) {}
  lock_thread(const lock_thread&) = delete;
  lock_thread& operator=(const lock_thread&) = delete;
  ~lock_thread() { threads_.leave(); }

  // Call it after a waiter was added. On an error, that of `thread_crew::post`, nobody is served.
  std::error_code wake() noexcept;

 private:
  class work {
   public:
    work(std::shared_ptr<lock_waiters> waiters, std::string directory) noexcept
        : waiters_(std::move(waiters)), directory_(std::move(directory)) {}
    void run() noexcept;

    std::mutex mutex;
    bool running = false;  // guarded by the mutex, as is `again`
    bool again = false;    // a waiter was added since the thread found none

   private:
    bool goes_on() noexcept;
    std::error_code wait(lock_description& lock) const noexcept;

    const std::shared_ptr<lock_waiters> waiters_;
    const std::string directory_;
  };

  const std::shared_ptr<work> work_;
  thread_crew threads_{1};
};

}  // namespace conduit::lock
