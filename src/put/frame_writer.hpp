// The writer's part for a compressed store: encodes a batch before the lock is taken, and writes
// frames and table under it. While one batch is written the next one is encoded.
#pragma once

#include <asio/awaitable.hpp>
#include <memory>
#include <system_error>

#include "lock/held_lock.hpp"
#include "put/appender.hpp"
#include "put/frame_batch.hpp"
#include "put/put_shared.hpp"

namespace conduit::detail {

// All calls run on home. Finished operations are added to the delivery.
class frame_writer {
 public:
  frame_writer(put_shared& our, appender& append) : our_(our), append_(append) {}

  // Encodes the waiting puts, up to the size of a batch, or waits for the batch that was begun
  // beside the last write. The puts can still be cancelled.
  asio::awaitable<void> encode();
  // Writes the frames, or requeues their puts if the mutable file is a plain one by now.
  asio::awaitable<void> write(lock::held_lock& held);
  // After a failure, outside any coroutine: blocks until nobody reads the memory of a put.
  void give_up() noexcept;

 private:
  void begin() noexcept;
  asio::awaitable<std::error_code> append(lock::held_lock& held);
  void count_frames() noexcept;

  put_shared& our_;
  appender& append_;
  std::shared_ptr<frame_batch> frames_;  // of the current batch
  std::shared_ptr<frame_batch> next_;    // of the next one
  std::error_code refused_;              // why its puts are not encoded
};

}  // namespace conduit::detail
