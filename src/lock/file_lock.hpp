// The inter-process lock of a store, as one of its parts takes it: through one description of the
// lock file, and with one way to wait for it.
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

// To everybody, other objects of this class included, it is like another process. For one thread or
// coroutine at a time, but for `give_up`.
class file_lock {
 public:
  file_lock(io::file_io& disk, std::string path, lock_mode mode)
      : disk_(disk), path_(std::move(path)), mode_(mode) {}
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;
  ~file_lock() = default;

  // Opens what stands under the path now, creating it where `permissions` is not 0. Before anything
  // else, and while the lock is not held. An error leaves everything as it was.
  std::error_code open(unsigned permissions);

  // Takes the lock where it is free: `resource_unavailable_try_again` where somebody has it.
  std::error_code attempt() noexcept;

  // Take the lock, at once where it is free. Where it is not, a thread waits in the kernel: none to
  // be had is an error, `resource_unavailable_try_again`. An abandoned wait unlocks when it gets
  // there.

  // Suspends on the port's context. `waited` tells whether somebody else had the lock.
  asio::awaitable<std::error_code> acquire(io::completion_port& home, bool& waited);
  // Blocks. Asks `go_on` now and then: `operation_aborted` where that is false, `timed_out` after
  // `patience`.
  std::error_code acquire(const std::function<bool()>& go_on, std::chrono::milliseconds patience);

  void release() noexcept { disk_.unlock(fd()); }
  // From any thread: nobody needs the lock now. A wait for it, or the next one, ends with
  // `operation_aborted`.
  void give_up() noexcept;

  // The lock file still stands under its path; otherwise another process may hold a lock of the
  // same name.
  bool still_named() const { return own_->still_named(disk_); }
  // A wait was given up and is still in the kernel, or was not taken back from there.
  bool has_abandoned_wait() const noexcept { return own_ == nullptr; }
  // The descriptor through which the lock is held: the record is read and written through it.
  int fd() const noexcept { return own_->fd(); }

 private:
  std::error_code begin_wait(lock_wait::waiter& who) noexcept;
  void knock() const noexcept;

  io::file_io& disk_;
  const std::string path_;
  const lock_mode mode_;
  std::unique_ptr<lock_description> own_;  // null while a wait has it
  std::mutex mutex_;                       // guards the pointer: `give_up` comes from any thread
  std::shared_ptr<lock_wait> wait_ = std::make_shared<lock_wait>();
  std::optional<lock_thread> thread_;
};

}  // namespace conduit::lock
