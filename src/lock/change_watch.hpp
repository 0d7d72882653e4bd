// Tells, for a fraction of a microsecond, that nobody has touched the directory or the lock file
// since the last look. Everything it spares is a check that would have found nothing; without
// inotify it always answers "maybe" and every check is made.
#pragma once

#include <chrono>
#include <string>

#include "base/unique_fd.hpp"

namespace conduit::lock {

// The kernel queues an inotify event inside the system call that causes it. So whatever another
// process did before it gave the lock free is in the queue when we hold the lock.
class change_watch {
 public:
  // Watches names in `directory` (create, remove, rename) and the lock file itself (write, unlink,
  // rename).
  void begin(const std::string& directory, const std::string& lock_file);

  // True if nothing happened since the last call; consumes what did. Our own writes to the lock
  // file count as well.
  bool quiet() noexcept;

  // When somebody last opened or touched the lock file, as everybody does who begins to wait for
  // it: an original opens it, one of ours touches it. Always just now where there is no inotify.
  std::chrono::steady_clock::time_point last_visit() const noexcept;
  // Since when visits are seen.
  std::chrono::steady_clock::time_point begun() const noexcept { return begun_; }

 private:
  unique_fd events_;
  int lock_watch_ = -1;
  std::chrono::steady_clock::time_point last_visit_;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace conduit::lock
