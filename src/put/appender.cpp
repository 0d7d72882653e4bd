#include "put/appender.hpp"

#include <asio/error.hpp>

#include <cerrno>
#include <utility>

#include "base/os_error.hpp"
#include "base/retries.hpp"
#include "files/file_name.hpp"
#include "io/awaited.hpp"

namespace conduit::detail {

namespace {

// ext4 hands buffered writes of the ring to worker threads: up to this size the copy costs less
// than the hand-over.
constexpr std::uint64_t inline_append_max = 1U << 20;

// A request of an append; it lives in the writer's coroutine.
using awaited_request = io::awaited<io_request>;

void describe_write(io_request& request, int fd, const io::iov_cursor& from) noexcept {
  request.what = io_request::kind::write;
  request.fd = fd;
  request.iov = from.parts();
  request.iov_count = from.part_count();
  request.offset = from.offset();
}

}  // namespace

bool appender::is_small() const noexcept { return write_.bytes_left() <= inline_append_max; }

bool appender::is_inline() const noexcept {
  return is_small() && our_.state.how.durability == durability::none;
}

// No coroutine of its own: a durable put would pay for one more frame.
asio::awaitable<std::error_code> appender::append(lock::held_lock& held) {
  const bool durably = our_.state.how.durability == durability::fdatasync;
  return durably ? append_durably(held) : append_undurably(held);
}

std::error_code appender::append_inline(lock::held_lock& held) {
  const std::shared_ptr<append_file>& file = our_.file.current_tail().file;
  our_.state.unsynced->begin_write(file);
  const std::error_code why = write_inline(held);
  our_.state.unsynced->end_write(*file);
  return why;
}

asio::awaitable<std::error_code> appender::append_undurably(lock::held_lock& held) {
  std::error_code why;
  if (is_small()) {
    why = append_inline(held);
  } else {
    const std::shared_ptr<append_file> file = our_.file.current_tail().file;
    our_.state.unsynced->begin_write(file);
    why = co_await write_through_engine(held);
    our_.state.unsynced->end_write(*file);
  }
  if (why) co_return co_await mend_failed_write(held, why, false);
  co_return why;
}

// Empty blobs alone are synced, too: they lie behind bytes that another process may have left
// unsynced, and must not outlive them.
asio::awaitable<std::error_code> appender::append_durably(lock::held_lock& held) {
  our_.puts.released();
  std::error_code why = our_.file.mark_syncing(held);
  if (why) co_return why;
  if (!is_small()) {
    why = co_await write_through_engine(held);
  } else if (our_.puts.use_memory(nullptr)) {
    why = write_inline(held);
    our_.puts.released();
  } else {
    why = asio::error::operation_aborted;
  }
  if (why) co_return co_await mend_failed_write(held, why, false);
  awaited_request sync;
  sync.what = io_request::kind::sync_data;
  sync.fd = our_.file.current_tail().file->fd.get();
  auto start = [&] { our_.disk.start(sync); };
  co_await sync.until_complete(std::move(start));
  // Not retried: after a failed sync the kernel may answer 0 although the data is lost.
  if (sync.result < 0) co_return co_await mend_failed_write(held, os_error(sync.result), true);
  our_.counted.syncs.add(1);
  co_return std::error_code{};
}

// An empty blob is a write, too: it lies behind bytes that another process may have written.
std::error_code appender::write_inline(lock::held_lock& /*held*/) {
  const int fd = our_.file.current_tail().file->fd.get();
  our_.counted.inline_appends.add(1);
  std::error_code why;
  for (unsigned retries = 0; !write_.done();) {
    const std::int64_t result =
        our_.disk.write(fd, write_.parts(), write_.part_count(), write_.offset());
    if (!progressed(result, retries, why)) break;
  }
  return why;
}

asio::awaitable<std::error_code> appender::write_through_engine(lock::held_lock& /*held*/) {
  const std::shared_ptr<append_file> file = our_.file.current_tail().file;
  our_.counted.ring_appends.add(1);
  std::error_code why;
  for (unsigned retries = 0; !write_.done();) {
    awaited_request write;
    describe_write(write, file->fd.get(), write_);
    if (!our_.puts.use_memory(&write)) co_return asio::error::operation_aborted;
    auto start = [&] { our_.disk.start(write); };
    co_await write.until_complete(std::move(start));
    our_.puts.released();
    if (!progressed(write.result, retries, why)) break;
  }
  co_return why;
}

// Accounts for the `result` of a write. True if the write may go on; otherwise `why` is set.
bool appender::progressed(std::int64_t result, unsigned& retries, std::error_code& why) noexcept {
  if (writes_again(result, retries)) return true;
  if (result > 0) {
    write_.advance(static_cast<std::uint64_t>(result));
    return true;
  }
  why = result == 0 ? std::make_error_code(std::errc::io_error) : os_error(result);
  return false;
}

// No coroutine: without memory for one the file would stay in use.
asio::awaitable<std::error_code> appender::mend_failed_write(lock::held_lock& held,
                                                             std::error_code why,
                                                             bool sync_failed) {
  our_.puts.released();
  const bool has_frames = our_.file.current_tail().frames != nullptr;
  const bool file_is_sound =
      !sync_failed && (is_out_of_space(-why.value()) || why == asio::error::operation_aborted);
  if (has_frames) mend_failed_frames(held, file_is_sound, sync_failed);
  if (!file_is_sound) our_.file.poison(held, why, sync_failed);
  return cut_back(file_is_sound, has_frames, why);
}

// `has_frames`: the file has been cut back already.
asio::awaitable<std::error_code> appender::cut_back(bool file_is_sound, bool has_frames,
                                                    std::error_code why) {
  if (!file_is_sound) co_return why;
  const std::shared_ptr<append_file> file = our_.file.current_tail().file;
  const std::uint64_t end = our_.file.current_tail().end;
  auto cut = [this, file, end]() -> std::int64_t {
    return our_.disk.truncate(file->fd.get(), end);
  };
  std::int64_t result = 0;
  if (!has_frames) result = co_await our_.state.helpers.run(our_.home, std::move(cut));
  // If even that fails, the bytes are waste that no location names; the next holder appends behind
  // them.
  const file_form form = has_frames ? file_form::zstd : file_form::plain;
  our_.state.notify(event::kind::write_failed,
                    files::file_name(file->number, form).text() +
                        (result < 0 ? " could not be" : " was") + " cut back after a failed write",
                    file->number, end, why);
  co_return why;
}

// If the sync failed behind whole frames, nothing is cut: they may be lost or not. The file is
// never written again.
void appender::mend_failed_frames(lock::held_lock& held, bool file_is_sound, bool sync_failed) {
  const tail& at = our_.file.current_tail();
  if (sync_failed && write_.done()) {
    our_.file.appended_frames(frames_->frames(), frames_->stored_bytes());
  } else if (file_is_sound && write_.offset() == at.end) {
    our_.file.drop_frames();
  } else {
    our_.file.finish_table(held);
  }
}

}  // namespace conduit::detail
