// One open description of the lock file, by which the kernel identifies a holder of the lock. An
// open file description lock excludes the `fcntl.lockf` of the Python original, and closing another
// descriptor of the file does not drop it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

#include "base/fork_guard.hpp"
#include "base/unique_fd.hpp"
#include "io/file_io.hpp"

namespace conduit::lock {

// Readers share the lock. One description has one mode: a shared request through the description of
// a holder would silently turn the exclusive lock into a shared one.
enum class lock_mode : std::uint8_t { shared, exclusive };

// For one thread at a time, possibly a different one for each call. Calls without a `disk` go
// straight to the kernel: a waiting thread may outlive the store, and the `disk` with it.
class lock_description {
 public:
  // Opens the file at the path, creating it if `permissions` is not 0. Rejects all but regular
  // files: `not_a_regular_file`. Leaves `into` as it was on an error.
  static std::error_code open(io::file_io& disk, const std::string& path, lock_mode mode,
                              unsigned permissions, std::unique_ptr<lock_description>& into);
  lock_description(unique_fd file, unique_fd directory, std::string name, lock_mode mode);
  lock_description(const lock_description&) = delete;
  lock_description& operator=(const lock_description&) = delete;
  // Releases the lock, except in a forked child, which shares it.
  ~lock_description();

  // Takes the lock if it is free; `resource_unavailable_try_again` if another holder has it.
  std::error_code attempt(io::file_io& disk) noexcept;
  // Waits for the lock in the kernel; only the lock itself ends this wait.
  std::error_code wait() noexcept;
  void unlock() noexcept;
  // True if the file still stands under its path; otherwise this lock excludes nobody.
  bool still_named(io::file_io& disk) const;

  int fd() const noexcept { return file_.get(); }

 private:
  const unique_fd file_;
  const unique_fd directory_;
  const std::string name_;
  const lock_mode mode_;
  const std::uint64_t made_in_ = fork_generation();
  const closed_on_fork fork_guard_{file_.get()};
};

}  // namespace conduit::lock
