// The path of `compress_file` to the store's compressing thread, and back.
#include <conduit/detail/operations.hpp>
#include <conduit/error.hpp>

#include <system_error>

#include "store/binding.hpp"

namespace conduit::detail {

void compress_op::start() {
  if (owner->port.ended()) return end(finish::destroy);
  error = owner->state->admit();
  if (!error && !owner->home_sealer) error = errc::read_only;
  if (error) return end(finish::immediate);
  // Once submitted, the operation may be gone.
  const std::error_code refused = owner->home_sealer->submit(*this);
  if (!refused) return;
  error = refused;
  end(finish::immediate);
}

void compress_op::cancel() noexcept {
  if (owner->home_sealer && !owner->state->forked()) owner->home_sealer->cancel(*this);
}

void compress_op::complete() { end(finish::dispatch); }

void compress_op::drop() noexcept { end(finish::destroy); }

bool compress_op::revoke() noexcept { return owner->home_sealer->revoke(*this); }

}  // namespace conduit::detail
