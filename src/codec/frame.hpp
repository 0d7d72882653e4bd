// One frame: plain bytes to a zstd frame and back. Where frames lie in a file is not known here.
//
// Frames are written with their content size pledged and with a checksum, and read with and without
// either.
//
// No call throws. An encoder or decoder takes its memory at its first use and keeps it for the next
// frames: one a thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <vector>

#include "codec/zstd_context.hpp"

namespace conduit::codec {

// Bytes that a frame of `plain_size` plain bytes never exceeds, whatever they are.
std::size_t frame_bound(std::size_t plain_size) noexcept;

class encoder {
 public:
  // `level` as zstd numbers them; what lies beyond its range is clamped.
  explicit encoder(int level) noexcept : level_(level) {}

  // Writes one frame of all of `plain` to the front of `to`, at least `frame_bound(plain.size())`
  // bytes of the caller's, and sets `stored_size` to its size. Errors are the system's:
  // `not_enough_memory`; `value_too_large` where a size does not fit the 32 bits of a seek table;
  // `no_buffer_space` where `to` is too small.
  std::error_code encode(std::span<const std::byte> plain, std::span<std::byte> to,
                         std::uint32_t& stored_size) noexcept;

  // The same, to the end of `to`, which is left as it was on an error.
  std::error_code append(std::span<const std::byte> plain, std::vector<std::byte>& to,
                         std::uint32_t& stored_size) noexcept;

 private:
  bool prepare() noexcept;

  int level_;
  compression_context context_;
};

// Memory is bounded whatever a frame says of itself: some 160 KiB for whole frames, and for ranges
// the frame's window, at most 128 MiB, besides. What a frame may not be, in every call
// (`errc::corrupt`): anything but exactly one frame, skippable, in an old format, in need of a
// dictionary or of a larger window, or of another size than expected. Lack of memory is
// `not_enough_memory` of the system. After an error the destination holds anything.
class decoder {
 public:
  // Decodes the frame that `stored` is into all of `plain`, and compares its checksum. `plain` is
  // as large as the seek table says. As libzstd does when it decodes at once, it takes blocks
  // larger than the frame's window, which piece by piece are corrupt.
  std::error_code decode_whole(std::span<const std::byte> stored,
                               std::span<std::byte> plain) noexcept;

  // Decodes the plain bytes [skip, skip + to.size()) of a frame of `plain_size`, and stops there:
  // so a fault behind them, and the checksum, are seen only where they reach to the frame's end.
  // `errc::out_of_range` where they reach beyond it. Up to one block of 128 KiB nothing is gained
  // over `decode_whole`.
  std::error_code decode_range(std::span<const std::byte> stored, std::uint32_t plain_size,
                               std::uint32_t skip, std::span<std::byte> to) noexcept;

 private:
  bool prepare() noexcept;

  decompression_context context_;
  std::vector<std::byte> dropped_;  // where the bytes before a range go
};

}  // namespace conduit::codec
