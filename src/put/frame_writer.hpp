// The writer's part for a compressed store: encodes a batch before the lock is taken, and writes
// frames and table under it.
#pragma once

#include <asio/awaitable.hpp>
#include <system_error>

#include "io/completion_port.hpp"
#include "lock/held_lock.hpp"
#include "put/appender.hpp"
#include "put/delivery.hpp"
#include "put/frame_batch.hpp"
#include "put/mutable_file.hpp"
#include "put/pending_puts.hpp"
#include "put/put_counters.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

// All calls run on home. Finished operations are added to the delivery.
class frame_writer {
 public:
  frame_writer(store_state& state, io::completion_port& home, pending_puts& puts,
               mutable_file& file, frame_batch& frames, appender& append, put_counters& counted,
               delivery& ended)
      : state_(state),
        home_(home),
        puts_(puts),
        file_(file),
        frames_(frames),
        append_(append),
        counted_(counted),
        ended_(ended) {}

  // Encodes the waiting puts, up to the size of a batch. They can still be cancelled.
  asio::awaitable<void> encode();
  // Writes the frames, or requeues their puts if the mutable file is a plain one by now.
  asio::awaitable<void> write(lock::held_lock& held);

 private:
  asio::awaitable<std::error_code> append(lock::held_lock& held);
  void count_frames() noexcept;

  store_state& state_;
  io::completion_port& home_;
  pending_puts& puts_;
  mutable_file& file_;
  frame_batch& frames_;
  appender& append_;
  put_counters& counted_;
  delivery& ended_;
};

}  // namespace conduit::detail
