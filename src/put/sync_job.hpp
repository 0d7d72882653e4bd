// `sync`: makes the writes of this store durable. As little of that as possible happens under the
// lock, for which others wait.
#pragma once

#include <asio/awaitable.hpp>
#include <cstdint>
#include <system_error>

#include "lock/held_lock.hpp"
#include "put/put_shared.hpp"

namespace conduit::detail {

// All calls run on home.
class sync_job {
 public:
  explicit sync_job(put_shared& our) : our_(our) {}

  bool is_next() noexcept { return our_.puts.next_is(queued_op::kind::sync); }
  // Call it before the lock is taken. Afterwards the files that were left need no lock, and of the
  // mutable file little is left for `finish`. All background syncs begun before this one have ended
  // when it returns.
  asio::awaitable<void> prepare();
  // Syncs everything this store wrote since the last sync, and the directory.
  asio::awaitable<std::error_code> finish(lock::held_lock& held);

 private:
  void write_back(int fd, std::uint64_t from);
  void flush_disk() noexcept;
  asio::awaitable<std::error_code> sync_left(const unsynced_files::entry& left);
  asio::awaitable<std::error_code> sync_mutable(lock::held_lock& held,
                                                const unsynced_files::entry& seen);

  put_shared& our_;
  std::error_code left_failed_;  // why a sync in `prepare` failed, for `finish`
};

}  // namespace conduit::detail
