// A thread that waits in the kernel for the shared lock, on behalf of all reads of a store that
// have to: so many waits cost one thread and one descriptor, and a wait that is given up nothing.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <system_error>

#include "base/fork_guard.hpp"
#include "base/unique_fd.hpp"

namespace conduit::lock {

// Those who wait. Called by the thread, which may outlive the store that they belong to.
class shared_lock_waiters {
 public:
  shared_lock_waiters() = default;
  shared_lock_waiters(const shared_lock_waiters&) = delete;
  shared_lock_waiters& operator=(const shared_lock_waiters&) = delete;
  virtual ~shared_lock_waiters() = default;

  virtual bool any() noexcept = 0;
  // The lock is held until this returns, or cannot be had: serves all that wait now, and nobody who
  // comes later, since a writer may be waiting too.
  virtual void serve(std::error_code refused) noexcept = 0;
};

// For any thread. Nothing can interrupt the wait but the lock: the thread keeps this object alive,
// and ends when it finds that nobody waits any more.
class shared_lock_thread : public std::enable_shared_from_this<shared_lock_thread> {
 public:
  shared_lock_thread(std::string path, std::shared_ptr<shared_lock_waiters> waiters);

  // To be called after somebody began to wait. An error: there is no thread, and nobody is served.
  std::error_code wake() noexcept;

 private:
  void run() noexcept;
  bool goes_on() noexcept;
  std::error_code acquire() noexcept;
  std::error_code open() noexcept;
  std::error_code wait() noexcept;
  bool still_named() const noexcept;
  void close() noexcept;

  const std::string path_;
  const std::shared_ptr<shared_lock_waiters> waiters_;
  std::mutex mutex_;
  bool running_ = false;  // guarded by the mutex
  // Of the thread. A description of its own: through that of a writer the lock would be another's.
  unique_fd fd_;
  closed_on_fork fork_guard_{-1};
};

}  // namespace conduit::lock
