#include "files/binding.hpp"

#include <conduit/detail/op.hpp>

namespace conduit::detail {

asio::io_context& context_of(const binding& where) noexcept { return where.context; }

}  // namespace conduit::detail
