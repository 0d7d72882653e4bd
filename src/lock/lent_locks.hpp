// Shared locks of a store, for callers that need one briefly and block a thread of their own.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "io/file_io.hpp"
#include "lock/file_lock.hpp"

namespace conduit::lock {

// Only the lock itself ends a wait in the kernel. So a lock with an abandoned wait is kept here and
// lent to the next borrower, who joins that wait: there are never more threads than there were
// borrowers at one time. For any thread.
class lent_locks {
 public:
  lent_locks(io::file_io& disk, lock_paths paths) : disk_(disk), paths_(std::move(paths)) {}

  // Calls `work` under the lock; the rules are those of `file_lock::acquire`. On an error `work` is
  // not called. Throws std::bad_alloc.
  std::error_code with(const std::function<bool()>& go_on, std::chrono::milliseconds patience,
                       const std::function<void()>& work);

 private:
  std::unique_ptr<file_lock> borrow();
  void give_back(std::unique_ptr<file_lock> lock);

  io::file_io& disk_;
  const lock_paths paths_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<file_lock>> given_up_;  // guarded by the mutex
};

}  // namespace conduit::lock
