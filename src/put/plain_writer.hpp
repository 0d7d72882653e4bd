// The writer's part for a plain store, under the lock: one batch.
#pragma once

#include <asio/awaitable.hpp>
#include <cstdint>
#include <system_error>

#include "lock/held_lock.hpp"
#include "put/appender.hpp"
#include "put/put_shared.hpp"

namespace conduit::detail {

// All calls run on home.
class plain_writer {
 public:
  plain_writer(put_shared& our, appender& append) : our_(our), append_(append) {}

  // Writes the waiting puts, up to the size of a batch. Finished ones are added to the delivery.
  asio::awaitable<void> write(lock::held_lock& held);

 private:
  bool begin_batch();
  void end_batch(std::error_code error, std::uint64_t bytes);

  put_shared& our_;
  appender& append_;
};

}  // namespace conduit::detail
