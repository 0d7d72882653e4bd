// The writer's part for a plain store, under the lock: one batch.
#pragma once

#include <asio/awaitable.hpp>
#include <cstdint>
#include <system_error>

#include "lock/held_lock.hpp"
#include "put/appender.hpp"
#include "put/delivery.hpp"
#include "put/mutable_file.hpp"
#include "put/pending_puts.hpp"
#include "put/put_counters.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

// All calls run on home.
class plain_writer {
 public:
  plain_writer(store_state& state, pending_puts& puts, mutable_file& file, appender& append,
               put_counters& counted, delivery& ended)
      : state_(state),
        puts_(puts),
        file_(file),
        append_(append),
        counted_(counted),
        ended_(ended) {}

  // Writes the waiting puts, up to the size of a batch. Finished ones are added to the delivery.
  asio::awaitable<void> write(lock::held_lock& held);

 private:
  bool begin_batch();
  void end_batch(std::error_code error, std::uint64_t bytes);

  store_state& state_;
  pending_puts& puts_;
  mutable_file& file_;
  appender& append_;
  put_counters& counted_;
  delivery& ended_;
};

}  // namespace conduit::detail
