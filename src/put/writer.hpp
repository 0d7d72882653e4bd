// The one coroutine that writes: takes what is queued, holds the lock for one batch at a time, and
// completes the waiters. It starts with the first queued operation and ends with the queue.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cassert>
#include <conduit/reports.hpp>
#include <memory>
#include <optional>

#include "lock/held_lock.hpp"
#include "lock/store_lock.hpp"
#include "put/appender.hpp"
#include "put/delivery.hpp"
#include "put/fairness.hpp"
#include "put/frame_batch.hpp"
#include "put/mutable_file.hpp"
#include "put/pending_puts.hpp"
#include "store/services.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

class writer final : public put_service, public std::enable_shared_from_this<writer> {
 public:
  writer(std::shared_ptr<store_state> state, asio::io_context& home,
         std::unique_ptr<io::file_io> disk);

  ~writer() override;

  // Opens the lock file; once, before anything else.
  std::error_code open_lock();
  // Begins to watch what others do; once, after everybody in this store has opened the lock file
  // who will.
  void watch();

  bool has_room(std::uint64_t bytes) override { return puts_.has_room(bytes); }
  // Errors: `closed` behind `close`, `busy`.
  std::error_code submit(queued_op& operation) override;
  void cancel(queued_op& operation) override;
  bool revoke(queued_op& operation) noexcept override;
  void abandon() override;
  void add_to(store_stats& sum) const noexcept override;

 private:
  class end_of_run;

  asio::awaitable<void> run();
  asio::awaitable<void> finish_close();
  bool forked() const noexcept { return state_->forked(); }
  asio::awaitable<void> rest(std::chrono::microseconds time);
  bool try_take_lock();
  asio::awaitable<std::error_code> wait_for_lock(bool& waited);
  asio::awaitable<std::error_code> take_lock();
  lock::held_lock& held() noexcept {
    assert(held_);
    return *held_;
  }
  const lock::held_lock& held() const noexcept {
    assert(held_);
    return *held_;
  }
  void leave_lock();
  asio::awaitable<std::error_code> let_others_in();

  asio::awaitable<void> encode_batch();
  asio::awaitable<void> write_frames();
  asio::awaitable<std::error_code> append_frames();
  void count_frames() noexcept;

  asio::awaitable<void> write_batch();
  bool begin_batch();
  work_queue end_batch(std::error_code error, std::uint64_t bytes);
  void count_batch(work_queue& written, std::uint64_t bytes) noexcept;

  asio::awaitable<void> run_job(pending_puts::job job);
  asio::awaitable<std::error_code> sync_all();
  bool sync_is_next() noexcept { return puts_.next_is(queued_op::kind::sync); }
  asio::awaitable<void> sync_without_lock();
  void write_back(int fd, std::uint64_t from);
  void flush_disk() noexcept;
  asio::awaitable<std::error_code> sync_left(const unsynced_files::entry& left);
  asio::awaitable<std::error_code> sync_mutable(const unsynced_files::entry& seen);
  asio::awaitable<std::error_code> remove_file(std::uint32_t number);
  bool has_sealed_above(std::uint32_t number) const noexcept;
  asio::awaitable<std::error_code> recover_file(std::uint32_t number, recovery_report& report);
  asio::awaitable<std::error_code> remove_before(std::uint32_t number, std::size_t& count);

  void fail_all_for_want_of_memory() noexcept;

  const std::shared_ptr<store_state> state_;
  asio::io_context& home_;
  io::completion_port& port_;
  const std::unique_ptr<io::file_io> disk_;
  pending_puts puts_;
  lock::store_lock lock_;
  std::optional<lock::held_lock> held_;  // while the lock is held
  mutable_file file_;
  frame_batch frames_;
  put_counters counted_;
  appender append_;
  delivery ended_;
  // Why a sync before the lock was taken failed, for the `sync` that asked for it.
  std::error_code left_sync_failed_;
  // The last wait for the lock ended because nobody needed it any more.
  bool ask_again_ = false;
  fairness fairness_;
  // Made at the start: the descriptors of Asio's timers may not be had later.
  asio::steady_timer pause_;
};

}  // namespace conduit::detail
