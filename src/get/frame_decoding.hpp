// Decodes the frames of one chunk of a compressed file, on the calling thread or on several: each takes the next frame that nobody has.
#pragma once

#include <atomic>
#include <conduit/blob.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "codec/frame_index.hpp"
#include "files/binding.hpp"

namespace conduit::detail {

// What a slice wants of one frame.
struct frame_part {
  codec::placed_frame frame;
  std::uint32_t skip = 0;   // plain bytes of the frame before the slice
  std::byte* to = nullptr;  // `size` bytes of the caller's
  std::size_t size = 0;
  std::shared_ptr<blob> keep;  // where it is decoded whole, for the frame cache
  std::error_code error;

  bool whole() const noexcept { return size == frame.sizes.plain; }
};

class frame_decoding {
 public:
  std::vector<frame_part> parts;
  blob stored;                     // at least the bytes from `stored_start` to the end of the last part
  std::uint64_t stored_start = 0;  // offset in the file

  // Once the parts are set, before any `work`.
  void prepare() noexcept;
  // From any thread, several at once: returns when no frame is left to be begun. Frames are left out once one has failed, or `stop`.
  void work(const std::atomic<bool>& stop, read_counters& counters) noexcept;
  // After all of them have returned.
  const frame_part* failed() const noexcept;

  std::uint64_t plain_bytes() const noexcept;  // that have to be decoded

 private:
  std::error_code decode(const frame_part& part) const noexcept;

  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
};

}  // namespace conduit::detail
