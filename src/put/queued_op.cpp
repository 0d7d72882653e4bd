// How an operation of the writer enters the queue, leaves it early, and comes back.
#include <conduit/detail/operations.hpp>
#include <conduit/error.hpp>

#include "base/checksum.hpp"
#include "files/binding.hpp"
#include "put/writer.hpp"

namespace conduit::detail {

void queued_op::start() {
  if (owner->port.ended()) return end(finish::destroy);
  error = owner->state->admit();
  if (!error && !owner->home_writer) {
    // A read-only store has nothing to write: close and sync are done at once.
    if (what == kind::close) {
      owner->state->close();
    } else if (what != kind::sync) {
      error = errc::read_only;
    }
    return end(finish::post);
  }
  if (error) return end(finish::post);
  if (what == kind::append) {
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      locations[i].checksum = checksum_of({static_cast<const std::byte*>(blobs[i].data()), blobs[i].size()});
      blob_bytes += blobs[i].size();
    }
  }
  if (what == kind::close) owner->state->close();
  // Between `admit` and here another thread may have closed the store.
  if (owner->home_writer->submit(*this)) return;
  error = errc::closed;
  end(finish::post);
}

void queued_op::cancel() noexcept {
  if (owner->home_writer && !owner->state->forked()) owner->home_writer->cancel(*this);
}

bool queued_op::revoke() noexcept { return owner->home_writer->revoke(*this); }

void queued_op::complete() { end(finish::dispatch); }

void queued_op::drop() noexcept { end(finish::destroy); }

}  // namespace conduit::detail
