// What the writer does for a compressed store: it encodes a batch before it takes the lock, and
// writes frames and table under it.
#include <functional>
#include <new>
#include <utility>

#include "put/writer.hpp"

namespace conduit::detail {

// What waits now, up to the size of a batch, becomes frames. The puts can still be cancelled.
asio::awaitable<void> writer::encode_batch() {
  std::error_code error;
  {
    plain_batch blobs;
    // Without memory some have been begun and others not: that ends this coroutine, and all that
    // waits fails.
    if (!puts_.gather_to_encode(state_->how.batch_bytes, blobs)) co_return;
    try {
      frames_.plan(blobs);
    } catch (const std::bad_alloc&) {
      error = std::make_error_code(std::errc::not_enough_memory);
      puts_.released();
    }
  }
  std::function<void()> blobs_read = [this] { puts_.released(); };
  if (!error) error = co_await frames_.encode(state_->codecs, port_, std::move(blobs_read));
  ended_.add(puts_.take_cancelled());
  if (error) ended_.add(puts_.finish_batch(error));
  co_await ended_.complete();
}

// Under the lock.
asio::awaitable<void> writer::write_frames() {
  if (file_.form() != file_form::zstd) {
    // `follow`: another process began a plain file.
    leave_lock();
    puts_.requeue();
    co_return;
  }
  std::error_code error;
  if (!file_.ready(held())) error = co_await file_.make_ready(held());
  if (error) {
    leave_lock();
    ended_.add(puts_.finish_batch(error));
    ended_.add(puts_.fail_appends(error));
    co_await ended_.complete();
    co_return;
  }
  error = co_await append_frames();
  leave_lock();
  work_queue finished = puts_.finish_batch(error);
  if (!error && !finished.empty()) {
    count_batch(finished, frames_.plain_bytes());
    count_frames();
  }
  ended_.add(std::move(finished));
  co_await ended_.complete();
}

void writer::count_frames() noexcept {
  file_compression part;
  part.number = file_.end().file->number;
  part.plain_bytes = frames_.plain_bytes();
  part.stored_bytes = frames_.stored_bytes();
  part.frames = frames_.frames().size();
  part.encode_us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(frames_.encoding_time()).count());
  part.frame_bytes = state_->how.frame_bytes;
  part.level = state_->how.level;
  state_->compressed.add(part);
}

// Frames and table in one write: over the old table, which is the first thing to go.
asio::awaitable<std::error_code> writer::append_frames() {
  const tail& at = file_.end();
  if (!puts_.place(at.file->number, at.plain_end())) co_return std::error_code{};
  try {
    file_.begin_frames(frames_.frames());
  } catch (const std::bad_alloc&) {
    co_return std::make_error_code(std::errc::not_enough_memory);
  }
  io::iov_cursor& write = append_.bytes();
  write.begin(at.end);
  frames_.add_to(write);
  const std::uint64_t bytes = write.bytes_left();
  write.add(asio::buffer(at.table.bytes().data(), at.table.bytes().size()));
  std::error_code error;
  if (state_->how.durability == durability::fdatasync) {
    error = co_await append_.append_durably(held());
  } else {
    state_->unsynced->begin_write(at.file);
    error = co_await append_.append_undurably(held());
    state_->unsynced->end_write(*at.file);
  }
  if (!error) file_.appended_frames(frames_.frames(), bytes);
  co_return error;
}

}  // namespace conduit::detail
