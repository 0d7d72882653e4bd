#include "store/frame_cache.hpp"

#include <new>
#include <utility>

namespace conduit::detail {

decoded_frame frame_cache::find(const frame_key& key) noexcept {
  const std::lock_guard hold(mutex_);
  const auto found = places_.find(key);
  if (found == places_.end()) return nullptr;
  if (found->second != entries_.begin()) entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->bytes;
}

void frame_cache::insert(const frame_key& key, decoded_frame bytes) noexcept {
  const std::size_t size = bytes->size();
  if (!admits(size)) return;
  // Freed outside the lock: evicted frames may be large.
  std::list<entry> gone;
  const std::lock_guard hold(mutex_);
  try {
    if (places_.contains(key)) return;
    entries_.push_front({key, std::move(bytes)});
    try {
      places_.emplace(key, entries_.begin());
    } catch (...) {
      entries_.pop_front();
      throw;
    }
  } catch (const std::bad_alloc&) {
    return;
  }
  size_bytes_ += size;
  while (size_bytes_ > bytes_max_) {
    const auto last = std::prev(entries_.end());
    size_bytes_ -= last->bytes->size();
    places_.erase(last->key);
    gone.splice(gone.end(), entries_, last);
  }
}

std::size_t frame_cache::size_bytes() const noexcept {
  const std::lock_guard hold(mutex_);
  return size_bytes_;
}

}  // namespace conduit::detail
