#include "cli/byte_budget.hpp"

#include <asio/use_awaitable.hpp>
#include <conduit/detail/asio_compat.hpp>

namespace conduit::cli {

asio::awaitable<byte_budget::share> byte_budget::take(std::uint64_t bytes) {
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
