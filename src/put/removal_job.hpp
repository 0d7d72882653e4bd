// Removes sealed files: one, or all below a number.
#pragma once

#include <asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "io/completion_port.hpp"
#include "io/file_io.hpp"
#include "lock/held_lock.hpp"
#include "put/lock_turns.hpp"
#include "put/mutable_file.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

// All calls run on home.
class removal_job {
 public:
  removal_job(store_state& state, io::file_io& disk, io::completion_port& home, mutable_file& file,
              lock_turns& turns)
      : state_(state), disk_(disk), home_(home), file_(file), turns_(turns) {}

  // Durable when it returns without an error. After an error the file may be gone.
  asio::awaitable<std::error_code> remove(lock::held_lock& held, std::uint32_t number);
  // Lets others have the lock from time to time; after an error it may be free. Counts the removed
  // files in `count`.
  asio::awaitable<std::error_code> remove_before(lock_turns::holding& held, std::uint32_t number,
                                                 std::size_t& count);

 private:
  std::error_code look_at(std::uint32_t number);
  asio::awaitable<std::error_code> unlink(std::uint32_t number, bool then_sync);

  store_state& state_;
  io::file_io& disk_;
  io::completion_port& home_;
  mutable_file& file_;
  lock_turns& turns_;
};

}  // namespace conduit::detail
