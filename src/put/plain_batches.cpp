// What the writer does for a plain store: one batch, under the lock.
#include <asio/error.hpp>

#include "put/writer.hpp"

namespace conduit::detail {

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
  const std::uint64_t bytes = append_.bytes().bytes_left();
  if (!any) {
    // All were cancelled meanwhile.
  } else if (state_->how.durability == durability::fdatasync) {
    error = co_await append_.append_durably(held());
  } else if (!append_.is_small()) {
    error = co_await append_.append_undurably(held());
  } else {
    error = append_.append_inline(held());
    if (error) error = co_await append_.mend_failed_write(held(), error, false);
  }
  ended_.add(end_batch(error, bytes));
  if (!ended_.complete_few()) co_await ended_.complete_in_turns();
}

// Gathers what goes into one write. Its memory is in use from here on. False where nothing is left
// to write.
bool writer::begin_batch() {
  const tail& at = file_.end();
  const bool any =
      puts_.gather({at.file->number, at.end, state_->how.max_file_size, state_->how.batch_bytes},
                   append_.bytes());
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

}  // namespace conduit::detail
