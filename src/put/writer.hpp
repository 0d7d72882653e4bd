// The one coroutine that writes: takes what is queued, holds the lock for one batch or job at a
// time, and completes the waiters. It starts with the first queued operation and ends with the
// queue. It decides what is next; the parts that it owns do it.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <conduit/reports.hpp>
#include <memory>

#include "put/appender.hpp"
#include "put/frame_batch.hpp"
#include "put/frame_writer.hpp"
#include "put/lock_turns.hpp"
#include "put/plain_writer.hpp"
#include "put/put_shared.hpp"
#include "put/removal_job.hpp"
#include "put/sync_job.hpp"
#include "store/services.hpp"

namespace conduit::detail {

class writer final : public put_service, public std::enable_shared_from_this<writer> {
 public:
  writer(std::shared_ptr<store_state> state, asio::io_context& context,
         std::unique_ptr<io::file_io> disk);

  ~writer() override;

  // Opens the lock file; call it once, before anything else.
  std::error_code open_lock();
  // Begins to watch what others do. Call it once, after all parts of this store have opened the
  // lock file.
  void watch();

  bool has_room(std::uint64_t bytes) override { return our_.puts.has_room(bytes); }
  // Errors: `closed` after `close`, `busy`.
  std::error_code submit(queued_op& operation) override;
  void cancel(queued_op& operation) override;
  bool revoke(queued_op& operation) noexcept override;
  void abandon() override;
  void add_to(store_stats& sum) const noexcept override;

 private:
  class end_of_run;

  asio::awaitable<void> run();
  asio::awaitable<void> finish_close();
  asio::awaitable<std::error_code> take_lock(lock_turns::holding& held);
  asio::awaitable<void> run_job(pending_puts::job job, lock_turns::holding& held);
  bool forked() const noexcept { return state_->forked(); }
  void fail_all_for_want_of_memory() noexcept;

  const std::shared_ptr<store_state> state_;
  asio::io_context& context_;
  const std::unique_ptr<io::file_io> disk_;
  put_shared our_;
  lock_turns turns_;
  appender append_;
  plain_writer plain_;
  frame_writer framed_;
  sync_job sync_;
  removal_job removal_;
};

}  // namespace conduit::detail
