// A thread that waits in the kernel for the inter-process lock, so that nobody else has to.
#pragma once

#include <cerrno>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <system_error>

#include "base/fork_guard.hpp"
#include "base/unique_fd.hpp"
#include "io/completion_port.hpp"
#include "io/file_io.hpp"

namespace conduit::lock {

class lock_thread;

// The waiter: who is told. `granted` is 0 or a negative errno.
class lock_waiter : public detail::completion {
 public:
  std::int64_t granted = -ECANCELED;
  std::shared_ptr<lock_thread> thread;

  // The context goes away: the wait is abandoned, the thread stays in the kernel and unlocks when
  // it gets there.
  bool revoke() noexcept override;

 protected:
  ~lock_waiter() = default;
};

// Kept alive by itself while it waits: nothing can interrupt it but the lock.
class lock_thread : public std::enable_shared_from_this<lock_thread> {
 public:
  // Owns `fd`, a description of the lock file of its own.
  explicit lock_thread(unique_fd fd);
  ~lock_thread() = default;

  // To be called once. An error: there is no thread, and whoever waited would wait for ever.
  std::error_code start() noexcept;
  int fd() const noexcept { return fd_.get(); }

  // Tells `waiter`, through `home`, when the lock is held.
  void wait_for_lock(lock_waiter& waiter, io::completion_port& home);
  // True if the waiter will not be told any more.
  bool abandon(lock_waiter& waiter) noexcept;
  // Tells whoever waits that it waits no more (-ECANCELED); false where nobody does. The thread
  // unlocks when it gets there.
  bool give_up() noexcept;
  // Ends the thread, after the current wait.
  void stop() noexcept;

 private:
  void run();
  void tell(std::int64_t result);

  unique_fd fd_;
  closed_on_fork fork_guard_;
  std::mutex mutex_;
  std::condition_variable wanted_;
  lock_waiter* waiter_ = nullptr;
  io::completion_port* home_ = nullptr;
  bool stopped_ = false;
};

}  // namespace conduit::lock
