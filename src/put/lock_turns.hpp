// How the writer takes the inter-process lock, and how it lets others have it. After `take` the
// writer knows what others did to the mutable file.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <system_error>

#include "lock/held_lock.hpp"
#include "lock/lease.hpp"
#include "lock/store_lock.hpp"
#include "put/fairness.hpp"
#include "put/put_shared.hpp"

namespace conduit::detail {

// `held` has a value exactly while the lock is held. Calls run on home unless they say otherwise.
class lock_turns {
 public:
  using holding = std::optional<lock::held_lock>;
  using clock = std::chrono::steady_clock;

  explicit lock_turns(put_shared& our);

  // Opens the lock file; the thread that opens the store calls it once, before anything else.
  std::error_code open() { return lock_.open(); }
  // Begins to watch what others do. The same thread calls it once, after all parts of this store
  // have opened the lock file.
  void watch() { lock_.watch(); }

  // ---- between two batches

  // Keeps the lock for the next batch if that is allowed, and otherwise leaves it.
  void keep_or_leave(holding& held);
  // The handlers of a batch have run: they queued the next put, or did not.
  void handlers_queued(bool next_put) noexcept { put_follows_ = next_put; }
  // Takes the lock that was kept. False if it was not, or if the handlers took too long.
  bool resume(holding& held);
  // Leaves a lock that was kept. Call it before everything that is not a batch.
  void end_lease();

  // ---- the lock

  // Call it before each turn. True: others must get the lock first.
  bool others_are_due();
  asio::awaitable<void> let_others_go_first();

  // The common case, which does not suspend: the lock is free and nobody did anything. False:
  // `take` goes on from here.
  bool try_take(holding& held);
  // An error leaves the lock free.
  asio::awaitable<std::error_code> take(holding& held);
  // The last `take` ended because nobody needed the lock any more. New operations need another
  // `take`.
  bool was_given_up() const noexcept { return given_up_; }
  // From any thread: nobody needs the lock now.
  void give_up() noexcept { lock_.give_up(); }

  // Leaves file and record to the next holder, and unlocks.
  void leave(holding& held);
  // The same in the middle of a long job; then takes the lock again. After an error it is not held.
  asio::awaitable<std::error_code> let_others_in(holding& held);

 private:
  asio::awaitable<void> rest(std::chrono::microseconds time);
  asio::awaitable<std::error_code> wait(holding& held, bool& waited);
  bool may_keep(clock::time_point now);
  bool is_wanted(clock::time_point now);
  void set_alarm(asio::steady_timer& alarm) const;
  void count_wait(std::chrono::steady_clock::duration wait) noexcept;

  put_shared& our_;
  lock::store_lock lock_;
  fairness fairness_;
  lock::lease lease_;
  bool leased_ = false;       // the lock was kept, or was just taken back
  bool put_follows_ = false;  // the handlers of the last batch queued a put
  clock::time_point lease_begun_;
  clock::time_point asked_at_;   // whether others want the lock
  clock::time_point wanted_at_;  // by others, when last asked
  bool given_up_ = false;        // written by `take`
};

}  // namespace conduit::detail
