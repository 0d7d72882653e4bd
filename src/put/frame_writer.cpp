#include "put/frame_writer.hpp"

#include <functional>
#include <new>
#include <utility>

namespace conduit::detail {

// Without memory the puts that were gathered so far fail, as a batch that is encoded.
void frame_writer::begin() noexcept {
  std::function<void()> blobs_read;
  refused_.clear();
  try {
    if (!next_ || next_->is_busy())
      next_ = std::make_shared<frame_batch>(our_.state.how.frame_bytes, our_.state.how.level);
    plain_batch blobs;
    our_.puts.gather_to_encode(our_.state.how.batch_bytes, blobs);
    next_->plan(blobs);
    blobs_read = [&puts = our_.puts, &gathered = our_.puts.next_batch()] {
      puts.encoded(gathered);
    };
  } catch (const std::bad_alloc&) {
    refused_ = std::make_error_code(std::errc::not_enough_memory);
  }
  if (!our_.puts.has_next_batch()) return;
  if (refused_) return our_.puts.encoded(our_.puts.next_batch());
  next_->encode(our_.state.codecs, our_.home, std::move(blobs_read));
}

// Throws std::bad_alloc if there is no memory for a single put. That ends the writer's coroutine,
// and all waiting operations fail.
asio::awaitable<void> frame_writer::encode() {
  if (!our_.puts.has_next_batch()) begin();
  if (!our_.puts.has_next_batch()) {
    if (refused_) throw std::bad_alloc();
    co_return;
  }
  std::swap(frames_, next_);
  our_.puts.take_next_batch();
  std::error_code error = refused_;
  if (!error) error = co_await frames_->until_encoded();
  our_.ended.add(our_.puts.take_cancelled());
  if (error) our_.ended.add(our_.puts.finish_batch(error));
}

void frame_writer::give_up() noexcept {
  for (const auto& batch : {frames_, next_}) {
    if (batch) batch->wait_until_read();
  }
}

asio::awaitable<void> frame_writer::write(lock::held_lock& held) {
  if (our_.file.form() != file_form::zstd) {
    // `follow`: another process began a plain file.
    our_.puts.requeue();
    co_return;
  }
  std::error_code error;
  if (!our_.file.ready(held)) error = co_await our_.file.make_ready(held);
  if (error) {
    our_.ended.add(our_.puts.finish_batch(error));
    our_.ended.add(our_.puts.fail_appends(error));
    co_return;
  }
  error = co_await append(held);
  work_queue finished = our_.puts.finish_batch(error);
  if (!error && !finished.empty()) {
    our_.counted.count_batch(finished, frames_->plain_bytes());
    count_frames();
  }
  our_.ended.add(std::move(finished));
}

void frame_writer::count_frames() noexcept {
  file_compression part;
  part.number = our_.file.current_tail().file->number;
  part.plain_bytes = frames_->plain_bytes();
  part.stored_bytes = frames_->stored_bytes();
  part.frames = frames_->frames().size();
  part.encode_us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(frames_->encoding_time()).count());
  part.frame_bytes = our_.state.how.frame_bytes;
  part.level = our_.state.how.level;
  our_.state.compressed.add(part);
}

// Writes frames and table in one write, over the old table, which is overwritten first.
asio::awaitable<std::error_code> frame_writer::append(lock::held_lock& held) {
  const tail& at = our_.file.current_tail();
  if (!our_.puts.place(at.file->number, at.plain_end())) co_return std::error_code{};
  // Without room for the mark nothing is written, and the table stays as it is.
  std::error_code error;
  if (our_.state.how.durability == durability::fdatasync) error = our_.file.mark_syncing(held);
  if (error) co_return error;
  try {
    our_.file.begin_frames(frames_->frames());
  } catch (const std::bad_alloc&) {
    co_return std::make_error_code(std::errc::not_enough_memory);
  }
  io::iov_cursor& write = append_.bytes();
  write.begin(at.end);
  frames_->add_to(write);
  const std::uint64_t bytes = write.bytes_left();
  write.add(asio::buffer(at.table.bytes().data(), at.table.bytes().size()));
  append_.frames(*frames_);
  // A batch that the loop's thread would encode comes when the lock is free again.
  if (our_.puts.queued_bytes() > frame_batch::encode_here_max) begin();
  error = co_await append_.append(held);
  if (!error) our_.file.appended_frames(frames_->frames(), bytes);
  co_return error;
}

}  // namespace conduit::detail
