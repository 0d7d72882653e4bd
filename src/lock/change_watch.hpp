// Tells, within a fraction of a microsecond, that nobody has touched the directory or the lock file
// since the last look. It only saves checks that would have found nothing; without inotify it
// always answers "maybe" and every check is made.
#pragma once

#include <chrono>
#include <string>

#include "base/unique_fd.hpp"

namespace conduit::lock {

// The kernel queues an inotify event inside the system call that causes it. So once we hold the
// lock, the queue contains every change that another process made before it released the lock.
class change_watch {
 public:
  // Watches names in `directory` (create, remove, rename) and the lock file itself (write, unlink,
  // rename).
  void begin(const std::string& directory, const std::string& lock_file);

  // True if nothing happened since the last call; consumes the queued events. Our own writes to the
  // lock file count as well.
  bool quiet() noexcept;

  // The time when a process last opened or touched the lock file, as everybody does who polls for
  // the lock: an original opens it for each of its operations, a store of this library that has no
  // thread for its wait touches it. Without inotify the answer is always now.
  std::chrono::steady_clock::time_point last_visit() const noexcept;
  // Visits are seen since this time.
  std::chrono::steady_clock::time_point begun() const noexcept { return begun_; }

 private:
  unique_fd events_;
  int lock_watch_ = -1;
  // Long ago, as long as nobody was seen.
  std::chrono::steady_clock::time_point last_visit_{-std::chrono::hours(1)};
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace conduit::lock
