// `sync`: makes the writes of this store durable. As little of that as possible happens under the
// lock, for which others wait.
#pragma once

#include <asio/awaitable.hpp>
#include <cstdint>
#include <system_error>

#include "io/completion_port.hpp"
#include "io/file_io.hpp"
#include "lock/held_lock.hpp"
#include "put/mutable_file.hpp"
#include "put/pending_puts.hpp"
#include "put/put_counters.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

// All calls run on home.
class sync_job {
 public:
  sync_job(store_state& state, io::file_io& disk, io::completion_port& home, pending_puts& puts,
           mutable_file& file, put_counters& counted)
      : state_(state), disk_(disk), home_(home), puts_(puts), file_(file), counted_(counted) {}

  bool is_next() noexcept { return puts_.next_is(queued_op::kind::sync); }
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

  store_state& state_;
  io::file_io& disk_;
  io::completion_port& home_;
  pending_puts& puts_;
  mutable_file& file_;
  put_counters& counted_;
  std::error_code left_failed_;  // why a sync in `prepare` failed, for `finish`
};

}  // namespace conduit::detail
