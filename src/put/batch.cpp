#include "put/batch.hpp"

#include <cassert>

namespace conduit::detail {

namespace {

// The loop's thread visits the parts one by one, under the mutex: more than this would delay
// timers.
constexpr std::size_t parts_encoded_max = 16384;

// Places the location at `start`. Returns where the next one begins.
std::uint64_t place_at(data_location& location, std::uint64_t start) noexcept {
  const std::uint64_t size = location.size();
  location.start = start;
  location.end = start + size;
  return location.end;
}

constexpr bool may_follow(batch::state from, batch::state to) noexcept {
  using enum batch::state;
  switch (to) {
    case idle:
      return true;
    case encoding:
      return from == idle;
    case encoded:
      return from == encoding;
    case placed:
      return from == encoded || from == writing;
    case writing:
      return from == idle || from == placed;
  }
  return false;
}

}  // namespace

void batch::enter(state next) noexcept {
  assert(may_follow(now(), next));
  assert(puts_.empty() == (next == state::idle));
  state_.store(next, std::memory_order_relaxed);
}

void batch::take(put_queue& from) noexcept {
  queued_op& next = from.pop();
  next.state = queued_op::phase::running;
  next.in = this;
  puts_.push_back(next);
}

void batch::gather(put_queue& from, const batch_limits& limits, io::iov_cursor& into) {
  assert(now() == state::idle);
  has_frames_ = torn_ = false;
  into.begin(limits.end);
  std::uint64_t end = limits.end;
  std::size_t parts = 0;
  while (!from.empty()) {
    queued_op& next = from.front();
    if (next.what != queued_op::kind::append) break;
    // Each put is an append of its own: the file is full once it has reached its size, not before.
    if (!puts_.empty() &&
        (end >= limits.max_file_size || end - limits.end + next.blob_bytes > limits.bytes ||
         parts + next.parts.size() > io::iov_cursor::parts_max)) {
      break;
    }
    for (const asio::const_buffer& part : next.parts) into.add(part);
    for (data_location& location : next.locations) {
      location.file_number = limits.file;
      end = place_at(location, end);
    }
    parts += next.parts.size();
    take(from);
  }
  if (!puts_.empty()) enter(state::writing);
}

void batch::gather_to_encode(put_queue& from, std::size_t bytes_max, plain_batch& into) {
  assert(now() == state::idle);
  has_frames_ = true;
  torn_ = false;
  std::uint64_t bytes = 0;
  while (!from.empty()) {
    queued_op& next = from.front();
    if (next.what != queued_op::kind::append) break;
    const std::size_t parts = into.parts.size() + next.parts.size() + next.locations.size();
    if (!puts_.empty() && (bytes + next.blob_bytes > bytes_max || parts > parts_encoded_max)) break;
    into.parts.insert(into.parts.end(), next.parts.begin(), next.parts.end());
    for (data_location& location : next.locations) {
      into.blob_bytes.push_back(location.size());
      bytes = place_at(location, bytes);
    }
    take(from);
    if (now() == state::idle) enter(state::encoding);
  }
}

void batch::release() noexcept {
  if (now() == state::encoding) enter(state::encoded);
  if (now() == state::writing) enter(state::placed);
}

bool batch::write() noexcept {
  if (has_frames_ || now() == state::writing) return true;
  assert(now() == state::placed || (now() == state::idle && torn_));
  if (torn_) return false;
  enter(state::writing);
  return true;
}

void batch::place(std::uint32_t file, std::uint64_t plain_end) noexcept {
  enter(state::placed);
  for (completion* entry = &puts_.front(); entry != nullptr; entry = puts_.after(*entry)) {
    for (data_location& location : static_cast<queued_op*>(entry)->locations) {
      location.file_number = file;
      location.start += plain_end;
      location.end += plain_end;
    }
  }
}

bool batch::cancel(queued_op& put) noexcept {
  assert(now() == state::encoding || now() == state::encoded);
  // Its bytes are then waste that no location names.
  put.cancel_wanted = true;
  if (now() == state::encoding) return false;
  remove(put);
  return true;
}

void batch::cancel_all() noexcept {
  assert(now() == state::encoding);
  for (completion* entry = &puts_.front(); entry != nullptr; entry = puts_.after(*entry))
    static_cast<queued_op*>(entry)->cancel_wanted = true;
}

void batch::take_cancelled(put_queue& room, work_queue& into) noexcept {
  assert(now() == state::encoded || now() == state::idle);
  work_queue kept;
  while (!puts_.empty()) {
    auto& put = static_cast<queued_op&>(puts_.pop_front());
    if (put.cancel_wanted) {
      room.give_back(put.blob_bytes);
      into.push_back(put);
    } else {
      kept.push_back(put);
    }
  }
  puts_.splice(kept);
  leave_if_empty();
}

void batch::remove(queued_op& put) noexcept {
  assert(now() != state::encoding && now() != state::writing);
  work_queue::erase(put);
  if (now() == state::placed) torn_ = true;
  leave_if_empty();
}

void batch::leave_if_empty() noexcept {
  if (puts_.empty()) enter(state::idle);
}

void batch::put_back(put_queue& into) noexcept {
  into.push_front(puts_);
  enter(state::idle);
}

void batch::take_all(work_queue& into) noexcept {
  into.splice(puts_);
  enter(state::idle);
}

}  // namespace conduit::detail
