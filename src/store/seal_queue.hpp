// The work of compressing sealed files: here its sources, the writer and the callers of
// `compress_file`, meet the thread that does it.
#pragma once

#include <conduit/detail/operations.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/intrusive_list.hpp"

namespace conduit::detail {

// For any thread.
class seal_queue {
 public:
  // For the writer: there may be one more sealed file. Cheap.
  void file_sealed() noexcept;
  // The thread waits for the inter-process lock: the writer of this store, which may hold it nearly
  // all the time, must leave it free.
  void want_lock(bool wanted) noexcept { lock_wanted_.store(wanted, std::memory_order_relaxed); }
  bool lock_wanted() const noexcept { return lock_wanted_.load(std::memory_order_relaxed); }

  // For `close`: accepts nothing from now on, and blocks until all requests have ended and the
  // thread is idle.
  void close();

  // False once the queue is closed.
  bool push(compress_op& request);
  // Takes the request out if it has not begun.
  bool withdraw(compress_op& request) noexcept;
  work_queue withdraw_all() noexcept;

  // For the thread alone. Ends the previous task and waits for the next: requests come first, then
  // a look at the directory, which is due when a file was sealed, and after `patience`.
  enum class task { request, look, end };
  task next(compress_op*& request, std::chrono::milliseconds patience);
  void stop() noexcept;

 private:
  std::mutex mutex_;  // guards all but `lock_wanted_`
  std::condition_variable changed_;
  work_queue requests_;
  bool sealed_ = false;                   // a file was sealed since the sealer looked last
  bool busy_ = false;                     // the sealer works; it alone writes this
  bool closed_ = false;                   // no more requests are accepted
  bool stopping_ = false;                 // the sealer must end
  std::atomic<bool> lock_wanted_{false};  // written by the sealer, read by the writer
};

}  // namespace conduit::detail
