// The writer's part for a compressed store: encodes a batch before the lock is taken, and writes
// frames and table under it.
#pragma once

#include <asio/awaitable.hpp>
#include <system_error>

#include "lock/held_lock.hpp"
#include "put/appender.hpp"
#include "put/frame_batch.hpp"
#include "put/put_shared.hpp"

namespace conduit::detail {

// All calls run on home. Finished operations are added to the delivery.
class frame_writer {
 public:
  frame_writer(put_shared& our, frame_batch& frames, appender& append)
      : our_(our), frames_(frames), append_(append) {}

  // Encodes the waiting puts, up to the size of a batch. They can still be cancelled.
  asio::awaitable<void> encode();
  // Writes the frames, or requeues their puts if the mutable file is a plain one by now.
  asio::awaitable<void> write(lock::held_lock& held);

 private:
  asio::awaitable<std::error_code> append(lock::held_lock& held);
  void count_frames() noexcept;

  put_shared& our_;
  frame_batch& frames_;
  appender& append_;
};

}  // namespace conduit::detail
