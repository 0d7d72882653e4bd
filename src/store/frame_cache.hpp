// Decoded frames that slices were cut from, for the next slices of the same frames. Their bytes are
// bounded; the least recently used frame goes first.
#pragma once

#include <conduit/blob.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace conduit::detail {

// One frame of one opening of a file: the `serial` of the opened file, and the frame's offset in
// it. A new file may get the inode number of a deleted one, but never its serial: frames of a
// closed file are never found again.
struct frame_key {
  std::uint64_t serial = 0;
  std::uint64_t stored_start = 0;

  friend bool operator==(const frame_key&, const frame_key&) = default;
};

struct frame_key_hash {
  std::size_t operator()(const frame_key& key) const noexcept {
    return std::hash<std::uint64_t>()(key.stored_start ^ (key.serial * 0x9E3779B97F4A7C15ULL));
  }
};

using decoded_frame = std::shared_ptr<const blob>;

// For any thread; one for each store.
class frame_cache {
 public:
  // `bytes_max`: plain bytes; 0 keeps nothing.
  explicit frame_cache(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  // A frame larger than a quarter of the cache would evict more than one slice gains.
  bool admits(std::size_t plain_bytes) const noexcept { return plain_bytes <= bytes_max_ / 4; }

  // Null if the frame is not here.
  decoded_frame find(const frame_key& key) noexcept;
  // Without memory the frame is not kept.
  void insert(const frame_key& key, decoded_frame bytes) noexcept;

  // Plain bytes kept now.
  std::size_t size_bytes() const noexcept;

 private:
  struct entry {
    frame_key key;
    decoded_frame bytes;
  };

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::size_t size_bytes_ = 0;
  std::list<entry> entries_;  // last used first
  std::unordered_map<frame_key, std::list<entry>::iterator, frame_key_hash> places_;
};

}  // namespace conduit::detail
