// One append at the end of the mutable file: writes it, makes it durable if asked to, and mends a
// failure.
#pragma once

#include <asio/awaitable.hpp>
#include <cstdint>
#include <system_error>

#include "io/iov_cursor.hpp"
#include "lock/held_lock.hpp"
#include "put/frame_batch.hpp"
#include "put/put_shared.hpp"

namespace conduit::detail {

// All calls run on home. `bytes` holds the bytes to write: the puts' own memory, or `frames` and
// the table behind them. `pending_puts` tracks when the puts' memory is read.
class appender {
 public:
  explicit appender(put_shared& our) : our_(our) {}

  io::iov_cursor& bytes() noexcept { return write_; }
  // The frames of the next append to a compressed file; they must live until it has ended.
  void frames(const frame_batch& of_append) noexcept { frames_ = &of_append; }
  // True for a small append that need not be durable: the loop's thread copies it to the page
  // cache.
  bool is_inline() const noexcept;
  // Writes such an append without a coroutine frame, which would cost a small batch some percent.
  // The caller mends a failure.
  std::error_code append_inline(lock::held_lock& held);
  // Writes any append as durably as the store's options ask, and mends a failure.
  asio::awaitable<std::error_code> append(lock::held_lock& held);
  // Bytes of a failed write must not stay where the next append goes. Completes with `why`. If the
  // file must never be written again, that is done before the call returns.
  asio::awaitable<std::error_code> mend_failed_write(lock::held_lock& held, std::error_code why,
                                                     bool sync_failed);

 private:
  bool is_small() const noexcept;
  asio::awaitable<std::error_code> append_undurably(lock::held_lock& held);
  asio::awaitable<std::error_code> append_durably(lock::held_lock& held);
  std::error_code write_inline(lock::held_lock& held);
  asio::awaitable<std::error_code> write_through_engine(lock::held_lock& held);
  void mend_failed_frames(lock::held_lock& held, bool file_is_sound, bool sync_failed);
  asio::awaitable<std::error_code> cut_back(bool file_is_sound, bool has_frames,
                                            std::error_code why);
  bool progressed(std::int64_t result, unsigned& retries, std::error_code& why) noexcept;

  put_shared& our_;
  const frame_batch* frames_ = nullptr;
  io::iov_cursor write_;
};

}  // namespace conduit::detail
