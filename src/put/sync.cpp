// `sync`: what this store wrote becomes durable, and as little of that as possible happens under the lock, for which others wait.
#include <conduit/error.hpp>

#include <chrono>

#include "base/os_error.hpp"
#include "put/writer.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;

// The mutable file is written back before the lock is taken where it has grown by so many bytes since it was last synced: until a round
// had so little left that it ended soon, but not for ever beside a process that never pauses.
constexpr std::uint64_t written_back_min = 1U << 20;
constexpr int rounds_max = 4;
constexpr auto short_round = 10ms;
// It is written piece by piece: ext4 may have to read a bitmap to find the blocks of a piece, while it keeps every writer of the file out,
// and that read stands behind all that was written before.
constexpr std::uint64_t piece_bytes = 4U << 20;

// Through a description of its own: an error that it meets is not believed, and stays to be reported by the sync that counts.
void write_back(io::file_io& disk, int directory, const files::file_name& name, std::uint64_t synced_end) {
  const std::int64_t opened = disk.open(directory, name.c_str(), io::open_mode::read, 0);
  if (opened < 0) return;
  const unique_fd own(static_cast<int>(opened));
  io::file_status found;
  if (disk.status(own.get(), found) < 0 || found.size < synced_end + written_back_min) return;
  for (std::uint64_t at = synced_end; at < found.size; at += piece_bytes) {
    if (disk.write_back(own.get(), at, piece_bytes) < 0) break;
  }
  for (int round = 0; round < rounds_max; ++round) {
    const auto begun = std::chrono::steady_clock::now();
    if (disk.sync_data(own.get()) < 0 || std::chrono::steady_clock::now() - begun < short_round) return;
  }
}

}  // namespace

// Before the lock is taken. The files that were left need it no more, and of the mutable one little is left for `sync_all`. The syncs in
// the background that were begun before this one have ended when it returns.
asio::awaitable<void> writer::sync_without_lock() {
  left_sync_failed_.clear();
  const std::shared_ptr<append_file> mutable_file = tenure_.mutable_tail().file;
  const auto files = state_->unsynced->all();
  for (const unsynced_files::entry& one : files) {
    if (state_->unsynced->poisoned()) co_return;
    if (mutable_file && one.file->number >= mutable_file->number) continue;
    left_sync_failed_ = co_await sync_left(one);
    if (left_sync_failed_) co_return;
  }
  if (!mutable_file || !state_->unsynced->find(*mutable_file)) co_return;
  const files::file_name name(mutable_file->number, tenure_.mutable_tail().frames ? file_form::zstd : file_form::plain);
  auto work = [this, name, synced_end = mutable_file->synced_end]() -> std::int64_t {
    write_back(*disk_, state_->directory.get(), name, synced_end);
    return 0;
  };
  co_await state_->helpers.run_in_background(port_, std::move(work));
}

// Under the lock: everything this store wrote since the last sync, and the directory.
asio::awaitable<std::error_code> writer::sync_all() {
  const std::shared_ptr<unsynced_files>& unsynced = state_->unsynced;
  if (left_sync_failed_) co_return std::exchange(left_sync_failed_, {});
  if (unsynced->poisoned()) co_return make_error_code(errc::poisoned);
  const auto number = tenure_.mutable_number();
  const auto files = unsynced->all();
  for (const unsynced_files::entry& one : files) {
    std::error_code error;
    if (tenure_.mutable_tail().file && one.file->number == number) {
      error = co_await sync_mutable(one);
    } else {
      error = co_await sync_left(one);
    }
    if (error) co_return error;
  }
  // A sync in the background may have failed meanwhile.
  if (unsynced->poisoned()) co_return make_error_code(errc::poisoned);
  const std::error_code error = co_await tenure_.sync_directory();
  if (error) unsynced->poison();
  co_return error;
}

// After everything else in the background.
asio::awaitable<std::error_code> writer::sync_left(const unsynced_files::entry& left) {
  auto sync = [this, &left]() -> std::int64_t { return disk_->sync_data(left.file->fd.get()); };
  const std::int64_t result = co_await state_->helpers.run_in_background(port_, std::move(sync));
  if (result < 0) {
    state_->unsynced->poison();
    co_return os_error(result);
  }
  state_->unsynced->synced(left);
  counted_.syncs.fetch_add(1, std::memory_order_relaxed);
  co_return std::error_code{};
}

// Marked in the record, so that the next holder learns of it if this process dies before it knows the outcome.
asio::awaitable<std::error_code> writer::sync_mutable(const unsynced_files::entry& seen) {
  const std::error_code unmarked = tenure_.mark_syncing();
  if (unmarked) co_return unmarked;
  const std::uint64_t end = tenure_.mutable_tail().end;
  auto sync = [this, &seen]() -> std::int64_t { return disk_->sync_data(seen.file->fd.get()); };
  const std::int64_t result = co_await state_->helpers.run(port_, std::move(sync));
  if (result < 0) {
    tenure_.poison_tail(os_error(result), true);
    co_return os_error(result);
  }
  seen.file->synced_end = end;
  state_->unsynced->synced(seen);
  counted_.syncs.fetch_add(1, std::memory_order_relaxed);
  co_return std::error_code{};
}

}  // namespace conduit::detail
