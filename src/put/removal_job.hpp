// Removes sealed files: one, or all below a number.
#pragma once

#include <asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "lock/held_lock.hpp"
#include "put/lock_turns.hpp"
#include "put/put_shared.hpp"

namespace conduit::detail {

// All calls run on home.
class removal_job {
 public:
  removal_job(put_shared& our, lock_turns& turns) : our_(our), turns_(turns) {}

  // Durable when it returns without an error. After an error the file may be gone.
  asio::awaitable<std::error_code> remove(lock::held_lock& held, std::uint32_t number);
  // Lets others have the lock from time to time; after an error it may be free. Counts the removed
  // files in `count`.
  asio::awaitable<std::error_code> remove_before(lock_turns::holding& held, std::uint32_t number,
                                                 std::size_t& count);
  // Closes the removed files, which readers of this store may have open. The lock is free.
  asio::awaitable<void> give_space_back();

 private:
  bool has_sealed_above(const lock::held_lock& held, std::uint32_t number);
  std::error_code look_at(std::uint32_t number);
  asio::awaitable<std::error_code> unlink(std::uint32_t number, bool then_sync);

  put_shared& our_;
  lock_turns& turns_;
};

}  // namespace conduit::detail
