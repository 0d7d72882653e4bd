// What there is to compress of the sealed files: where those who know of it, the writer and the
// callers of `compress_file`, meet the thread that does it.
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
  // The writer: there is a sealed file more, perhaps. Cheap.
  void file_sealed() noexcept;
  // The thread waits for the inter-process lock: the writer of this store, which may have it nearly
  // all the time, leaves it free for it.
  void want_lock(bool wanted) noexcept { lock_wanted_.store(wanted, std::memory_order_relaxed); }
  bool lock_wanted() const noexcept { return lock_wanted_.load(std::memory_order_relaxed); }

  // For `close`: accepts nothing from now on, and blocks until what was asked for has ended and the
  // thread rests.
  void close();

  // False once it is closed.
  bool push(compress_op& request);
  // Takes the request out where it has not been begun.
  bool withdraw(compress_op& request) noexcept;
  work_queue withdraw_all() noexcept;

  // For the thread alone. Waits for something to do: first for what was asked for, then for a look
  // at the directory, which is due when a file was sealed, and after `patience`. Ends what the last
  // task was.
  enum class task { request, look, end };
  task next(compress_op*& request, std::chrono::milliseconds patience);
  void stop() noexcept;

 private:
  std::mutex mutex_;  // guards all but the last
  std::condition_variable changed_;
  work_queue requests_;
  bool sealed_ = false;                   // a file was sealed since the sealer looked last
  bool busy_ = false;                     // the sealer works; it alone writes this
  bool closed_ = false;                   // no request is taken any more
  bool stopping_ = false;                 // the sealer is to end
  std::atomic<bool> lock_wanted_{false};  // written by the sealer, read by the writer
};

}  // namespace conduit::detail
