// A reader's side of the inter-process lock: shared, through a description of the lock file of its
// own. Taken through the writer's description it would silently turn the exclusive lock into a
// shared one.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>

#include "base/fork_guard.hpp"
#include "base/unique_fd.hpp"
#include "io/file_io.hpp"

namespace conduit::lock {

// For one thread at a time. Whoever has to wait for it does so elsewhere, see
// shared_lock_thread.hpp.
class shared_lock {
 public:
  shared_lock(io::file_io& disk, std::string path);
  shared_lock(const shared_lock&) = delete;
  shared_lock& operator=(const shared_lock&) = delete;
  ~shared_lock() = default;

  // Opens what stands under the path: for reading, which is enough for a shared lock.
  // `no_such_file_or_directory` of the system where nothing does, `not_a_regular_file`, or what the
  // operating system says.
  std::error_code open();

  // `resource_unavailable_try_again` where a writer has it.
  std::error_code try_acquire();
  void release() noexcept;

  // The lock file still stands under its path; otherwise this lock excludes nobody.
  bool still_named() const;

 private:
  io::file_io& disk_;
  std::string directory_path_;
  std::string name_;
  unique_fd directory_;
  unique_fd fd_;
  closed_on_fork fork_guard_{-1};
};

}  // namespace conduit::lock
