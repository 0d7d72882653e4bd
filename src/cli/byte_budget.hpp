// Bounds the bytes that the coroutines of one loop hold at a time.
#pragma once

#include <algorithm>
#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/detail/asio_compat.hpp>
#include <cstdint>
#include <utility>

namespace conduit::cli {

// All use is on the loop's thread.
class byte_budget {
 public:
  // Returns its bytes when it is destroyed.
  class share {
   public:
    share(byte_budget& owner, std::uint64_t bytes) noexcept : owner_(&owner), bytes_(bytes) {}
    share(share&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), bytes_(other.bytes_) {}
    share& operator=(share&&) = delete;
    ~share() {
      if (owner_ != nullptr) owner_->give_back(bytes_);
    }

   private:
    byte_budget* owner_;
    std::uint64_t bytes_;
  };

  byte_budget(asio::io_context& context, std::uint64_t bytes)
      : all_(bytes), free_(bytes), changed_(context, asio::steady_timer::time_point::max()) {}

  // Waits for its turn and for room, first come, first served, so that a big share is not starved
  // by small ones. A share above the whole budget waits until it is alone.
  asio::awaitable<share> take(std::uint64_t bytes);

 private:
  void give_back(std::uint64_t bytes) noexcept {
    free_ += bytes;
    changed_.cancel();
  }

  const std::uint64_t all_;
  std::uint64_t free_;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t served_ = 0;
  asio::steady_timer changed_;  // never expires: cancelled to wake the waiters
};

inline asio::awaitable<byte_budget::share> byte_budget::take(std::uint64_t bytes) {
  const std::uint64_t wanted = std::min(bytes, all_);
  const std::uint64_t ticket = next_ticket_++;
  while (served_ != ticket || free_ < wanted) {
    [[maybe_unused]] auto woken =
        co_await changed_.async_wait(detail::as_tuple(asio::use_awaitable));
  }
  ++served_;
  free_ -= wanted;
  changed_.cancel();  // the next in line may fit too
  co_return share(*this, wanted);
}

}  // namespace conduit::cli
