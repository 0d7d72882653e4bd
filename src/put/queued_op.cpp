// How an operation of the writer enters the queue, leaves it early, and comes back.
#include <conduit/detail/operations.hpp>
#include <conduit/error.hpp>

#include "base/checksum.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

namespace {

std::span<const std::byte> bytes_of(const asio::const_buffer& part) noexcept {
  return {static_cast<const std::byte*>(part.data()), part.size()};
}

}  // namespace

// Each blob takes the next parts, up to its size.
void queued_op::hash_blobs() noexcept {
  auto part = parts.begin();
  for (data_location& location : locations) {
    const std::uint64_t size = location.size();
    if (size == 0) {
      location.checksum = checksum_of({});
    } else if (part->size() == size) {
      location.checksum = checksum_of(bytes_of(*part++));
    } else {
      running_checksum sum;
      for (std::uint64_t hashed = 0; hashed != size; ++part) {
        sum.add(bytes_of(*part));
        hashed += part->size();
      }
      location.checksum = sum.value();
    }
  }
}

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
    return end(finish::immediate);
  }
  if (error) return end(finish::immediate);
  if (what == kind::append) {
    // Checked before hashing, for callers that retry again and again.
    if (!may_wait && !owner->home_writer->has_room(blob_bytes)) {
      error = errc::busy;
      return end(finish::immediate);
    }
    hash_blobs();
  }
  if (what == kind::close) owner->state->close();
  // Between `admit` and here another thread may have closed the store.
  const std::error_code refused = owner->home_writer->submit(*this);
  if (!refused) return;
  error = refused;
  end(finish::immediate);
}

void queued_op::cancel() noexcept {
  if (owner->home_writer && !owner->state->forked()) owner->home_writer->cancel(*this);
}

bool queued_op::revoke() noexcept { return owner->home_writer->revoke(*this); }

void queued_op::complete() { end(finish::dispatch); }

void queued_op::drop() noexcept { end(finish::destroy); }

}  // namespace conduit::detail
