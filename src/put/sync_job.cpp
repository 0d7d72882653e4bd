#include "put/sync_job.hpp"

#include <conduit/error.hpp>

#include "base/os_error.hpp"
#include "files/write_back.hpp"

namespace conduit::detail {

namespace {

// The mutable file is written back before the lock is taken if it has grown by this many bytes
// since its last sync. This repeats until little is left, but not for ever beside a process that
// never pauses.
constexpr std::uint64_t written_back_min = 1U << 20;
constexpr int rounds_max = 4;

}  // namespace

void sync_job::write_back(int fd, std::uint64_t from) {
  io::file_status found;
  for (int round = 0; round < rounds_max; ++round) {
    if (our_.disk.status(fd, found) < 0 || found.size < from + written_back_min) return;
    // The sync may be cancelled meanwhile.
    if (!files::write_back(our_.disk, fd, from, found.size, [this] { return is_next(); })) return;
    from = found.size;
    flush_disk();
  }
}

// After the write-back, the sync that counts still waits for the file system's journal and the
// disk's own cache. The sync of another file flushes both, and receives no error of the data files:
// an unnamed file that nobody else has. If none can be made, the sync that counts has more to do.
void sync_job::flush_disk() noexcept {
  const std::int64_t opened = our_.disk.open(our_.state.directory.get(), ".",
                                             io::open_mode::unnamed, our_.state.how.file_mode);
  if (opened < 0) return;
  const unique_fd nobodys(static_cast<int>(opened));
  char byte = 0;
  const iovec part{&byte, 1};
  if (our_.disk.write(nobodys.get(), &part, 1, 0) == 1)
    static_cast<void>(our_.disk.sync_data(nobodys.get()));
}

asio::awaitable<void> sync_job::prepare() {
  left_failed_.clear();
  const std::shared_ptr<append_file> mutable_file = our_.file.current_tail().file;
  const auto files = our_.state.unsynced->all();
  for (const unsynced_files::entry& one : files) {
    // It may have been cancelled meanwhile.
    if (our_.state.unsynced->poisoned() || !is_next()) co_return;
    if (mutable_file && one.file->number >= mutable_file->number) continue;
    left_failed_ = co_await sync_left(one);
    if (left_failed_) co_return;
  }
  if (!mutable_file || !our_.state.unsynced->find(*mutable_file)) co_return;
  auto work = [this, mutable_file, synced_end = mutable_file->synced_end]() -> std::int64_t {
    write_back(mutable_file->fd.get(), synced_end);
    return 0;
  };
  co_await our_.state.helpers.run_in_background(our_.home, std::move(work));
}

asio::awaitable<std::error_code> sync_job::finish(lock::held_lock& held) {
  const std::shared_ptr<unsynced_files>& unsynced = our_.state.unsynced;
  if (left_failed_) co_return std::exchange(left_failed_, {});
  if (unsynced->poisoned()) co_return make_error_code(errc::poisoned);
  const auto number = held.mutable_number();
  const auto files = unsynced->all();
  for (const unsynced_files::entry& one : files) {
    std::error_code error;
    if (our_.file.current_tail().file && one.file->number == number) {
      error = co_await sync_mutable(held, one);
    } else {
      error = co_await sync_left(one);
    }
    if (error) co_return error;
  }
  // A sync in the background may have failed meanwhile.
  if (unsynced->poisoned()) co_return make_error_code(errc::poisoned);
  co_return (co_await our_.file.sync_directory(held)).error;
}

// Runs after everything else in the background.
asio::awaitable<std::error_code> sync_job::sync_left(const unsynced_files::entry& left) {
  auto sync = [this, &left]() -> std::int64_t { return our_.disk.sync_data(left.file->fd.get()); };
  const std::int64_t result =
      co_await our_.state.helpers.run_in_background(our_.home, std::move(sync));
  if (result < 0) {
    our_.state.unsynced->poison(left.file->number);
    co_return os_error(result);
  }
  our_.state.unsynced->synced(left);
  our_.counted.syncs.add(1);
  co_return std::error_code{};
}

// Marked in the record, so that the next holder learns of the sync if this process dies before it
// knows the outcome.
asio::awaitable<std::error_code> sync_job::sync_mutable(lock::held_lock& held,
                                                        const unsynced_files::entry& seen) {
  const std::error_code unmarked = our_.file.mark_syncing(held);
  if (unmarked) co_return unmarked;
  const std::uint64_t end = our_.file.current_tail().end;
  auto sync = [this, &seen]() -> std::int64_t { return our_.disk.sync_data(seen.file->fd.get()); };
  const std::int64_t result = co_await our_.state.helpers.run(our_.home, std::move(sync));
  if (result < 0) {
    our_.file.poison(held, os_error(result), true);
    co_return os_error(result);
  }
  seen.file->synced_end = end;
  our_.state.unsynced->synced(seen);
  our_.counted.syncs.add(1);
  co_return std::error_code{};
}

}  // namespace conduit::detail
