#include "put/frame_writer.hpp"

#include <functional>
#include <new>
#include <utility>

namespace conduit::detail {

asio::awaitable<void> frame_writer::encode() {
  std::error_code error;
  {
    plain_batch blobs;
    // Without memory some puts have begun and others not: that ends this coroutine, and all waiting
    // operations fail.
    if (!puts_.gather_to_encode(state_.how.batch_bytes, blobs)) co_return;
    try {
      frames_.plan(blobs);
    } catch (const std::bad_alloc&) {
      error = std::make_error_code(std::errc::not_enough_memory);
      puts_.released();
    }
  }
  std::function<void()> blobs_read = [this] { puts_.released(); };
  if (!error) error = co_await frames_.encode(state_.codecs, home_, std::move(blobs_read));
  ended_.add(puts_.take_cancelled());
  if (error) ended_.add(puts_.finish_batch(error));
}

asio::awaitable<void> frame_writer::write(lock::held_lock& held) {
  if (file_.form() != file_form::zstd) {
    // `follow`: another process began a plain file.
    puts_.requeue();
    co_return;
  }
  std::error_code error;
  if (!file_.ready(held)) error = co_await file_.make_ready(held);
  if (error) {
    ended_.add(puts_.finish_batch(error));
    ended_.add(puts_.fail_appends(error));
    co_return;
  }
  error = co_await append(held);
  work_queue finished = puts_.finish_batch(error);
  if (!error && !finished.empty()) {
    counted_.count_batch(finished, frames_.plain_bytes());
    count_frames();
  }
  ended_.add(std::move(finished));
}

void frame_writer::count_frames() noexcept {
  file_compression part;
  part.number = file_.end().file->number;
  part.plain_bytes = frames_.plain_bytes();
  part.stored_bytes = frames_.stored_bytes();
  part.frames = frames_.frames().size();
  part.encode_us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(frames_.encoding_time()).count());
  part.frame_bytes = state_.how.frame_bytes;
  part.level = state_.how.level;
  state_.compressed.add(part);
}

// Writes frames and table in one write, over the old table, which is overwritten first.
asio::awaitable<std::error_code> frame_writer::append(lock::held_lock& held) {
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
  const std::error_code error = co_await append_.append(held);
  if (!error) file_.appended_frames(frames_.frames(), bytes);
  co_return error;
}

}  // namespace conduit::detail
