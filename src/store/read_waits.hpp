// Reads that wait for something other than the disk: for another read of the same frame or of the
// same file's table, or for the inter-process lock. A party that wakes, cancels or drops such a
// read first takes it out of here, so only one party has it.
#pragma once

#include <atomic>
#include <chrono>
#include <conduit/detail/completion.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "io/completion_port.hpp"
#include "lock/lock_thread.hpp"
#include "store/frame_cache.hpp"

namespace conduit::detail {

// For any thread; one for each store, shared with threads that may outlive it.
//
// Keys name an opening of a file, and each context opens files for itself: so a read waits only for
// reads of its own context, never for another event loop.
class read_waits final : public lock::lock_waiters {
 public:
  using ticket = std::uint64_t;

  // True: nobody does this work, and the caller must do it now and call `land`.
  bool try_lead(const frame_key& work);
  // False if nobody does this work, or `abandoned` is set. Otherwise `read` is sent away through
  // `port` and delivered when the work is done, with the result in `result`: null if the leader has
  // none. When this returns, `read` may be gone. Throws std::bad_alloc; then nothing has happened.
  //
  // `abandoned` is read under the mutex that `leave` takes: a cancellation that sets it first is
  // either seen here or finds the read.
  bool follow(const frame_key& work, completion& read, io::completion_port& port,
              decoded_frame& result, const std::atomic<bool>& abandoned);
  void land(const frame_key& work, const decoded_frame& result) noexcept;

  // Waits for the inter-process lock, through `lock` or a description that another read brought:
  // one wait and one descriptor serve all. `read` is sent away through `port`. The waiting thread
  // calls `turn`, which delivers it, when the lock is held or the wait has failed. When this
  // returns, `read` may be gone. Empty if `abandoned` is set. Throws like `follow`.
  using lock_turn = void (*)(completion& read, std::error_code refused,
                             const lock::lock_description& held);
  std::optional<ticket> enter(completion& read, io::completion_port& port, lock_turn turn,
                              std::unique_ptr<lock::lock_description> lock,
                              const std::atomic<bool>& abandoned);
  std::unique_ptr<lock::lock_description> next() noexcept override;
  // Serves all that wait now, and none that come later, since a writer may be waiting too.
  void serve(std::error_code refused,
             std::unique_ptr<lock::lock_description> lock) noexcept override;
  // The oldest of these waits has lasted for a second. True once a wait.
  bool lock_wait_is_long() noexcept;
  // False if the read no longer waits; it may then be gone.
  bool take(const completion* read, ticket of) noexcept;
  // The same without a ticket, for the owner of the read: to cancel it, or because its context
  // ends.
  bool leave(const completion& read) noexcept;

 private:
  struct follower {
    completion* read;
    ticket of;
    io::completion_port* port;
    decoded_frame* result;
  };

  struct lock_wait {
    completion* read;
    lock_turn turn;
    std::chrono::steady_clock::time_point begun;
    bool reported = false;
  };

  std::optional<lock_wait> next_for_lock(ticket newest) noexcept;
  void stop_waiting_for_lock(ticket of) noexcept;

  std::mutex mutex_;
  ticket last_ticket_ = 0;
  std::unordered_map<const completion*, ticket> waiting_;
  std::map<ticket, lock_wait> for_lock_;          // reads that wait for the lock, in their order
  std::unique_ptr<lock::lock_description> lock_;  // the newest that a read brought
  std::unordered_map<frame_key, std::vector<follower>, frame_key_hash> led_;
};

}  // namespace conduit::detail
