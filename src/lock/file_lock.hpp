// The inter-process lock of a store, for one of its parts: one description of the lock file, and
// one way to wait for the lock.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>

#include "io/completion_port.hpp"
#include "io/file_io.hpp"
#include "lock/lock_description.hpp"
#include "lock/lock_thread.hpp"
#include "lock/lock_wait.hpp"

namespace conduit::lock {

struct lock_paths {
  std::string lock_file;
  std::string directory;  // of the data, where waits are marked
};

// All others, including other objects of this class, see it as another process. For one thread or
// coroutine at a time, except `give_up`.
class file_lock {
 public:
  file_lock(io::file_io& disk, lock_paths paths, lock_mode mode)
      : disk_(disk), paths_(std::move(paths)), mode_(mode) {}
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;
  ~file_lock() = default;

  // Opens the lock file, creating it if `permissions` is not 0. Call it before anything else, and
  // only while the lock is not held. An error leaves everything as it was.
  std::error_code open(unsigned permissions);

  // Takes the lock if it is free; `resource_unavailable_try_again` if another holder has it.
  std::error_code attempt() noexcept;
  // The same, again and again for some microseconds: the calling thread is kept busy meanwhile.
  std::error_code attempt_for_a_moment() noexcept;

  // Take the lock, at once if it is free. Otherwise a thread waits in the kernel; if no thread can
  // be started, the error is `resource_unavailable_try_again`. An abandoned wait unlocks as soon as
  // it gets the lock.

  // Suspends on the port's context. `waited` tells whether another holder had the lock.
  asio::awaitable<std::error_code> acquire(io::completion_port& home, bool& waited);
  // Blocks and polls `go_on`: `operation_aborted` once that is false, `timed_out` after `patience`.
  std::error_code acquire(const std::function<bool()>& go_on, std::chrono::milliseconds patience);

  // For an owner that has to poll: a store that never pauses sees the touch, and from time to time
  // leaves the lock free for long enough.
  void knock() const noexcept;

  void release() noexcept { disk_.unlock(fd()); }
  // From any thread: nobody needs the lock now. The current wait, or the next one, ends with
  // `operation_aborted`.
  void give_up() noexcept;

  // True if the lock file still stands under its path. If not, another process may hold a lock of
  // the same name.
  bool still_named() const { return own_->still_named(disk_); }
  // A wait was abandoned and is still in the kernel, or its description was not taken back yet.
  bool has_abandoned_wait() const noexcept { return own_ == nullptr; }
  // The descriptor that holds the lock; the record is read and written through it.
  int fd() const noexcept { return own_->fd(); }

 private:
  std::error_code begin_wait(lock_wait::waiter& who) noexcept;

  io::file_io& disk_;
  const lock_paths paths_;
  const lock_mode mode_;
  std::unique_ptr<lock_description> own_;  // null while a wait has it
  std::mutex mutex_;                       // guards the pointer: `give_up` comes from any thread
  std::shared_ptr<lock_wait> wait_ = std::make_shared<lock_wait>();
  std::optional<lock_thread> thread_;
};

}  // namespace conduit::lock
