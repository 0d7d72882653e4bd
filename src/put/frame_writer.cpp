// What the writer does for a compressed store: encodes before the lock, and writes as many batches into one tenure as arrive soon.
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <new>
#include <vector>

#include "base/os_error.hpp"
#include "put/writer.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// One table is written a tenure, so puts that follow each other share it; a reader of an unknown location waits no longer than this.
constexpr auto tenure_max = 10ms;
// What is encoded while the lock is held must not take long.
constexpr std::size_t small_put_max = 16U << 10;
constexpr std::size_t encode_under_lock_max = 256U << 10;
// As for plain appends: up to this size the copy costs less than the hand-over.
constexpr std::uint64_t inline_append_max = 256U << 10;

}  // namespace

// What waits now, up to so many bytes, becomes frames. The puts can still be cancelled.
asio::awaitable<void> writer::encode_batch(std::size_t bytes_max) {
  std::error_code error;
  bool any = false;
  try {
    std::vector<asio::const_buffer> blobs;
    any = queue_.take_appends_to_encode(bytes_max, blobs);
    if (any) frames_.plan(blobs);
  } catch (const std::bad_alloc&) {
    error = std::make_error_code(std::errc::not_enough_memory);
    queue_.released();
  }
  if (!any) co_return;
  std::function<void()> blobs_read = [this] { queue_.released(); };
  if (!error) error = co_await frames_.encode(state_->codecs, port_, std::move(blobs_read));
  complete(queue_.take_cancelled());
  if (error) {
    complete(queue_.finish_running(error));
    co_return;
  }
  frames_held_ = !queue_.nothing_running();
}

// Under the lock, from the first batch to the table.
asio::awaitable<void> writer::write_frames() {
  const auto since = clock::now();
  while (frames_held_) {
    if (tenure_.form() != file_form::zstd) {
      // `follow`: another process began a plain file.
      frames_held_ = false;
      queue_.requeue();
      break;
    }
    std::error_code error;
    if (!tenure_.ready()) error = co_await tenure_.make_ready();
    if (error) {
      frames_held_ = false;
      leave_lock();
      complete(queue_.finish_running(error));
      complete(queue_.fail_appends(error));
      co_return;
    }
    frames_held_ = false;
    error = co_await append_frames();
    // What is acknowledged now, before the table stands, the record has to know.
    const bool early = !error && !tenure_.record_end();
    if (!early) leave_lock();
    work_queue finished = queue_.finish_running(error);
    if (!error && !finished.empty()) count_batch(finished, frames_.plain_bytes());
    complete(std::move(finished));
    if (!early) co_return;
    // What the waiters put now is the next batch.
    co_await asio::post(home_, asio::use_awaitable);
    if (!may_go_on(since)) break;
    co_await encode_batch(encode_under_lock_max);
  }
  leave_lock();
}

bool writer::may_go_on(clock::time_point since) { return clock::now() - since < tenure_max && queue_.next_is_small_append(small_put_max); }

asio::awaitable<std::error_code> writer::append_frames() {
  const tail& at = tenure_.mutable_tail();
  if (!queue_.place(at.file->number, at.plain_end())) co_return std::error_code{};
  const bool durable = state_->how.durability == durability::fdatasync;
  if (!durable) tenure_.unsynced()->add(at.file);
  write_.begin(at.end);
  frames_.add_to(write_);
  const std::uint64_t bytes = write_.bytes_left();
  tenure_.begin_frames();
  std::error_code error;
  if (durable) {
    error = co_await append_durably();
  } else if (bytes > inline_append_max) {
    error = co_await append_through_engine();
  } else {
    error = append_inline();
    if (error) error = co_await mend_failed_write(error, false);
  }
  if (error) co_return error;
  try {
    tenure_.appended_frames(frames_.frames(), bytes);
  } catch (const std::bad_alloc&) {
    co_return std::make_error_code(std::errc::not_enough_memory);
  }
  co_return std::error_code{};
}

// The table goes behind the frames that were acknowledged, over what failed, and cuts it off. After a failed sync nothing is cut: the
// frames may be lost or not, and the file is never written again.
std::error_code writer::mend_failed_frames(std::error_code why, bool sync_failed) {
  const tail& at = tenure_.mutable_tail();
  const bool file_is_sound = !sync_failed && (is_out_of_space(-why.value()) || why == asio::error::operation_aborted);
  if (sync_failed) {
    try {
      tenure_.appended_frames(frames_.frames(), frames_.stored_bytes());
    } catch (const std::bad_alloc&) {
      // Then they are cut off after all; nobody was told of them.
    }
  }
  tenure_.finish_table();
  if (!file_is_sound) {
    tenure_.poison_tail(why, sync_failed);
    return why;
  }
  state_->notify(event::kind::write_failed,
                 files::file_name(at.file->number, file_form::zstd).text() + " was cut back after a failed write", at.file->number, at.end,
                 why);
  return why;
}

}  // namespace conduit::detail
