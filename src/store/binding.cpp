#include "store/binding.hpp"

#include <conduit/detail/op.hpp>

#include "base/fork_guard.hpp"

namespace conduit::detail {

asio::io_context& context_of(const binding& where) noexcept { return where.context; }

std::uint64_t forks_seen() noexcept { return fork_generation(); }

}  // namespace conduit::detail
