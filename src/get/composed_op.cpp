#include <conduit/detail/composed_op.hpp>

#include <new>

#include "store/binding.hpp"

namespace conduit::detail {

void composed_op::start() {
  if (owner->port.ended()) return end(finish::destroy);
  error = owner->state->admit();
  if (error) return end(finish::immediate);
  try {
    begin();
  } catch (const std::bad_alloc&) {
    error = std::make_error_code(std::errc::not_enough_memory);
    end(finish::immediate);
  }
}

void composed_op::cancel() noexcept {
  if (!owner->state->forked()) give_up();
}

}  // namespace conduit::detail
