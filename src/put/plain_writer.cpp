#include "put/plain_writer.hpp"

#include <asio/error.hpp>
#include <utility>

namespace conduit::detail {

asio::awaitable<void> plain_writer::write(lock::held_lock& held) {
  // `follow`: another process began a compressed file. The queued puts have to be encoded first.
  if (file_.form() == file_form::zstd) co_return;
  std::error_code error;
  if (!file_.ready(held)) error = co_await file_.make_ready(held);
  if (error) {
    // Nobody can append now: all waiting puts fail.
    ended_.add(puts_.fail_appends(error));
    co_return;
  }
  if (!begin_batch()) co_return;  // all were cancelled meanwhile
  const std::uint64_t bytes = append_.bytes().bytes_left();
  if (append_.is_inline()) {
    error = append_.append_inline(held);
    if (error) error = co_await append_.mend_failed_write(held, error, false);
  } else {
    error = co_await append_.append(held);
  }
  end_batch(error, bytes);
}

// Gathers the puts of one write. Their memory is in use from here on. False if nothing is left to
// write.
bool plain_writer::begin_batch() {
  const tail& at = file_.end();
  return puts_.gather({at.file->number, at.end, state_.how.max_file_size, state_.how.batch_bytes},
                      append_.bytes());
}

void plain_writer::end_batch(std::error_code error, std::uint64_t bytes) {
  if (!error) file_.appended(bytes);
  if (error == asio::error::operation_aborted && puts_.requeue_revoked()) return;
  work_queue finished = puts_.finish_batch(error);
  if (!error) counted_.count_batch(finished, bytes);
  ended_.add(std::move(finished));
}

}  // namespace conduit::detail
