// One batch of a plain store, under the lock: gathered, written at the tail, made durable where
// that was asked for, and mended where it failed. The appends serve compressed stores too, see
// frame_writer.cpp.
#include <asio/error.hpp>

#include <cerrno>
#include <utility>

#include "base/os_error.hpp"
#include "files/file_name.hpp"
#include "put/writer.hpp"

namespace conduit::detail {

namespace {

// ext4 gives buffered writes of the ring to worker threads: up to this size the copy costs less
// than the hand-over.
constexpr std::uint64_t inline_append_max = 256U << 10;

// The requests of an append; they live in the writer's coroutine.
using awaited_request = io::awaited<io_request>;
// The write of a linked pair, which is not completed: its sync is, for both.
class silent_request final : public io_request {
 public:
  void complete() override {}
  void drop() noexcept override {}
};

void describe_write(io_request& request, int fd, const io::iov_cursor& from) noexcept {
  request.what = io_request::kind::write;
  request.fd = fd;
  request.iov = from.parts();
  request.iov_count = from.part_count();
  request.offset = from.offset();
}

}  // namespace

asio::awaitable<void> writer::write_batch() {
  std::error_code error;
  if (file_.form() == file_form::zstd) {
    // `follow`: another process began a compressed file. What is queued has to be encoded first.
    leave_lock();
    co_return;
  }
  if (!file_.ready(held())) error = co_await file_.make_ready(held());
  if (error) {
    // The lock is released before anybody is told, and all that waits is told: nobody can append
    // now.
    leave_lock();
    ended_.add(puts_.fail_appends(error));
    co_await ended_.complete();
    co_return;
  }
  const bool any = begin_batch();
  const std::uint64_t bytes = write_.bytes_left();
  if (!any) {
    // All were cancelled meanwhile.
  } else if (state_->how.durability == durability::fdatasync) {
    error = co_await append_durably();
  } else if (bytes > inline_append_max) {
    error = co_await append_through_engine();
  } else {
    // Not `append_undurably`: the frame of one more coroutine costs a small batch some percent.
    error = append_inline();
    if (error) error = co_await mend_failed_write(error, false);
  }
  ended_.add(end_batch(error, bytes));
  if (!ended_.complete_few()) co_await ended_.complete_in_turns();
}

asio::awaitable<std::error_code> writer::append_undurably() {
  if (write_.bytes_left() > inline_append_max) co_return co_await append_through_engine();
  const std::error_code error = append_inline();
  if (error) co_return co_await mend_failed_write(error, false);
  co_return error;
}

// Gathers what goes into one write. Its memory is in use from here on. False where nothing is left
// to write.
bool writer::begin_batch() {
  const tail& at = file_.end();
  const bool any = puts_.gather(
      {at.file->number, at.end, state_->how.max_file_size, state_->how.batch_bytes}, write_);
  // An empty blob too: it lies behind bytes that may be another process's.
  if (any && state_->how.durability == durability::none) state_->unsynced->begin_write(at.file);
  return any;
}

// What is to be completed.
work_queue writer::end_batch(std::error_code error, std::uint64_t bytes) {
  if (state_->how.durability == durability::none) state_->unsynced->end_write(*file_.end().file);
  if (!error) file_.appended(bytes);
  leave_lock();
  if (error == asio::error::operation_aborted && puts_.requeue_revoked()) return {};
  work_queue finished = puts_.finish_batch(error);
  if (!error && !finished.empty()) count_batch(finished, bytes);
  return finished;
}

void writer::count_batch(work_queue& written, std::uint64_t bytes) noexcept {
  std::uint64_t count = 0;
  for (completion* entry = &written.front(); entry != nullptr; entry = written.after(*entry)) {
    count += static_cast<queued_op*>(entry)->locations.size();
  }
  counted_.puts.fetch_add(count, std::memory_order_relaxed);
  counted_.put_bytes.fetch_add(bytes, std::memory_order_relaxed);
  counted_.batches.fetch_add(1, std::memory_order_relaxed);
}

std::error_code writer::append_inline() {
  const int fd = file_.end().file->fd.get();
  counted_.inline_appends.fetch_add(1, std::memory_order_relaxed);
  std::error_code why;
  for (unsigned retries = 0; !write_.done();) {
    if (!progressed(disk_->write(fd, write_.parts(), write_.part_count(), write_.offset()), retries,
                    why))
      break;
  }
  return why;
}

// Takes `result` of a write into account. True where the write may go on; else `why` is set.
bool writer::progressed(std::int64_t result, unsigned& retries, std::error_code& why) noexcept {
  if (result > 0) {
    write_.advance(static_cast<std::uint64_t>(result));
    retries = 0;
    return true;
  }
  if ((result == 0 || is_transient(result)) && ++retries <= transient_retries_max) return true;
  why = result == 0 ? std::make_error_code(std::errc::io_error) : os_error(result);
  return false;
}

asio::awaitable<std::error_code> writer::append_through_engine() {
  const int fd = file_.end().file->fd.get();
  counted_.ring_appends.fetch_add(1, std::memory_order_relaxed);
  std::error_code why;
  for (unsigned retries = 0; !write_.done();) {
    awaited_request write;
    describe_write(write, fd, write_);
    if (!puts_.use_memory(write))
      co_return co_await mend_failed_write(asio::error::operation_aborted, false);
    auto start = [&] { disk_->start(write); };
    co_await write.until_complete(std::move(start));
    puts_.released();
    if (!progressed(write.result, retries, why)) co_return co_await mend_failed_write(why, false);
  }
  co_return std::error_code{};
}

// Write and sync as one linked pair. A short write breaks the link: the remainder is tried as a
// pair again.
asio::awaitable<std::error_code> writer::append_durably() {
  const int fd = file_.end().file->fd.get();
  counted_.ring_appends.fetch_add(1, std::memory_order_relaxed);
  puts_.released();
  std::error_code why = file_.mark_syncing(held());
  if (why) co_return why;
  bool synced = false;
  for (unsigned retries = 0; !write_.done();) {
    silent_request write;
    awaited_request sync;
    describe_write(write, fd, write_);
    sync.what = io_request::kind::sync_data;
    sync.fd = fd;
    write.linked = &sync;
    if (!puts_.use_memory(write))
      co_return co_await mend_failed_write(asio::error::operation_aborted, false);
    auto start = [&] { disk_->start(write); };
    co_await sync.until_complete(std::move(start));
    puts_.released();
    if (!progressed(write.result, retries, why)) co_return co_await mend_failed_write(why, false);
    // Cancelled it never began: a short write breaks the link, and so may the kernel. Every other
    // failure counts, of each part of a batch that takes several writes, and is not tried again:
    // after a failed sync the kernel may answer 0 although the data is lost.
    synced = sync.result != -ECANCELED;
    if (synced && sync.result < 0)
      co_return co_await mend_failed_write(os_error(sync.result), true);
  }
  if (!synced) {
    // Empty blobs alone as well: they lie behind bytes that another process may have left unsynced,
    // and must not outlive them.
    awaited_request sync;
    sync.what = io_request::kind::sync_data;
    sync.fd = fd;
    auto start = [&] { disk_->start(sync); };
    co_await sync.until_complete(std::move(start));
    if (sync.result < 0) co_return co_await mend_failed_write(os_error(sync.result), true);
  }
  counted_.syncs.fetch_add(1, std::memory_order_relaxed);
  co_return std::error_code{};
}

// Nothing that failed may stay where the next append goes.
asio::awaitable<std::error_code> writer::mend_failed_write(std::error_code why, bool sync_failed) {
  const tail& at = file_.end();
  puts_.released();
  if (file_.end().frames) co_return mend_failed_frames(why, sync_failed);
  const bool file_is_sound =
      !sync_failed && (is_out_of_space(-why.value()) || why == asio::error::operation_aborted);
  if (!file_is_sound) {
    file_.poison(held(), why, sync_failed);
    co_return why;
  }
  const std::shared_ptr<append_file> file = at.file;
  auto cut = [this, file, end = at.end]() -> std::int64_t {
    return disk_->truncate(file->fd.get(), end);
  };
  const std::int64_t result = co_await state_->helpers.run(port_, std::move(cut));
  // Where even that fails the bytes are waste that no location names; the next holder goes on
  // behind them.
  state_->notify(event::kind::write_failed,
                 files::file_name(file->number).text() + (result < 0 ? " could not be" : " was") +
                     " cut back after a failed write",
                 file->number, at.end, why);
  co_return why;
}

}  // namespace conduit::detail
