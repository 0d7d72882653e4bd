// The inter-process lock of a store: an open file description record lock over the whole lock file.
// It excludes the `fcntl.lockf` of the Python original, and closing another descriptor of the file
// does not drop it.
#pragma once

#include <asio/awaitable.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>

#include "base/fork_guard.hpp"
#include "base/unique_fd.hpp"
#include "io/completion_port.hpp"
#include "io/file_io.hpp"

namespace conduit::lock {

class lock_thread;

// The writer's side, and that of the thread that compresses: one arbiter each. Whoever waits for
// another process does so on a thread of its own, through a descriptor of its own; an abandoned
// wait unlocks when it gets there.
class file_lock {
 public:
  // The lock file must exist. Call `open` before anything else.
  file_lock(io::file_io& disk, std::string path);
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;
  ~file_lock();

  // Opens the lock file, creating it where `permissions` is not 0. Refuses what is not a regular
  // file.
  std::error_code open(unsigned permissions);

  // Takes the lock where it is free, without suspending. False otherwise, and where that could not
  // be found out.
  bool try_acquire() noexcept;
  // The same, telling why not: `resource_unavailable_try_again` where somebody has it.
  std::error_code attempt() noexcept;
  // Lets whoever holds the lock know that somebody waits: who never pauses will leave it free for
  // long enough.
  void knock() noexcept;
  // Takes the lock, at once where it is free. `waited` tells whether somebody else had it. Suspends
  // on the port's context. Does without the thread where none can be had, or no descriptor for it.
  asio::awaitable<std::error_code> acquire(io::completion_port& home, bool& waited);
  void release() noexcept;
  // From any thread: nobody needs the lock now. A wait for it, or the next one, ends with
  // `operation_aborted`.
  void give_up() noexcept;

  // The lock file still stands under its path; otherwise another process may hold a lock of the
  // same name.
  bool still_named() const;
  // Opens what stands under the path now. Only while the lock is not held.
  std::error_code reopen(unsigned permissions);

  // The descriptor through which the lock is held (else the plain one): the record is read and
  // written through it.
  int fd() const noexcept { return held_by_thread_ ? thread_fd_ : fd_.get(); }
  const std::string& path() const noexcept { return path_; }

 private:
  std::error_code open_descriptor(unique_fd& into, unsigned permissions) const;
  void start_thread(unique_fd own);
  asio::awaitable<std::error_code> ask_until_free(io::completion_port& home);
  bool take_given_up() noexcept;

  io::file_io& disk_;
  std::string path_;
  std::string directory_path_;
  std::string name_;
  unique_fd directory_;
  unique_fd fd_;
  closed_on_fork fork_guard_{-1};
  std::mutex mutex_;
  std::shared_ptr<lock_thread> thread_;  // changed by the holder, under the mutex
  bool given_up_ = false;                // guarded by the mutex
  int thread_fd_ = -1;
  bool held_by_thread_ = false;
};

}  // namespace conduit::lock
