#include "put/plain_writer.hpp"

#include <asio/error.hpp>
#include <utility>

namespace conduit::detail {

asio::awaitable<void> plain_writer::write(lock::held_lock& held) {
  // `follow`: another process began a compressed file. The queued puts have to be encoded first.
  if (our_.file.form() == file_form::zstd) co_return;
  std::error_code error;
  if (!our_.file.ready(held)) error = co_await our_.file.make_ready(held);
  if (error) {
    // Nobody can append now: all waiting puts fail.
    our_.ended.add(our_.puts.fail_appends(error));
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
  const tail& at = our_.file.current_tail();
  return our_.puts.gather(
      {at.file->number, at.end, our_.state.how.max_file_size, our_.state.how.batch_bytes},
      append_.bytes());
}

void plain_writer::end_batch(std::error_code error, std::uint64_t bytes) {
  if (!error) our_.file.appended(bytes);
  if (error == asio::error::operation_aborted && our_.puts.requeue_revoked()) return;
  work_queue finished = our_.puts.finish_batch(error);
  if (!error) our_.counted.count_batch(finished, bytes);
  our_.ended.add(std::move(finished));
}

}  // namespace conduit::detail
