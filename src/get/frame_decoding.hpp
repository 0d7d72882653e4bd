// Decodes the frames of one chunk of a compressed file, on the calling thread or on several: each
// takes the next free frames, and reads their bytes itself if the page cache may hold them. So
// these bytes stay on that thread's processor, and no buffer for a whole chunk is needed.
#pragma once

#include <atomic>
#include <chrono>
#include <conduit/blob.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "codec/frame_index.hpp"
#include "io/file_io.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

// The part of one frame that a slice needs.
struct frame_part {
  codec::placed_frame frame;
  std::uint32_t skip = 0;   // plain bytes of the frame before the slice
  std::byte* to = nullptr;  // `size` bytes of the caller's
  std::size_t size = 0;
  bool read_elsewhere = false;  // of `to`: see get_op
  std::shared_ptr<blob> keep;   // set if the whole frame is decoded for the frame cache
  std::error_code error;
  bool done = false;

  bool whole() const noexcept { return size == frame.sizes.plain; }
};

class frame_decoding {
 public:
  std::vector<frame_part> parts;
  blob stored;  // of `from_memory`: at least the bytes from `stored_start` to the end of the last
                // part that is not done
  std::uint64_t stored_start = 0;  // offset in the file

  // Call one of these once the parts are set, before any `work`: it chooses the source of the
  // bytes.
  void from_memory() noexcept;
  // `disk` and `fd` must stay valid until that work ends. False if a frame is too large for this
  // way.
  bool from_page_cache(io::file_io& disk, int fd) noexcept;
  bool reads_page_cache() const noexcept { return disk_ != nullptr; }
  // How many threads can be busy at once.
  std::size_t share_count() const noexcept { return (parts.size() + share_ - 1) / share_; }

  // From any thread, several at once: returns when no frame is left to begin, or after `turn`; then
  // it is true that some may be left. Skips the remaining frames once one has failed or was
  // `missed`, or on `stop`.
  bool work(const std::atomic<bool>& stop, read_counters& counters,
            std::chrono::steady_clock::duration turn = std::chrono::hours(1)) noexcept;

  // Call it after all `work` has returned.
  const frame_part* failed() const noexcept;
  // The page cache did not hold all of it: frames that are not `done` need another way to be read.
  bool missed() const noexcept { return missed_.load(std::memory_order_relaxed); }

  std::uint64_t plain_bytes() const noexcept;  // of all parts

 private:
  void prepare(io::file_io* disk, int fd) noexcept;
  bool halted(const std::atomic<bool>& stop) const noexcept;
  std::size_t decode_share(std::span<frame_part> share) noexcept;
  std::span<const std::byte> read_share(std::span<const frame_part> share) const noexcept;

  io::file_io* disk_ = nullptr;  // of `from_page_cache`, else null
  int fd_ = -1;
  std::size_t share_ = 1;  // parts that a thread takes at once
  // Written by every thread that works, read by all of them.
  std::atomic<std::size_t> next_{0};  // the first part that nobody has taken
  std::atomic<bool> failed_{false};   // a frame does not match the index: all stop
  std::atomic<bool> missed_{false};   // the page cache lacks some bytes: all stop
};

}  // namespace conduit::detail
