// One frame: encodes plain bytes to a zstd frame, and decodes them. It does not know where frames
// lie in a file.
//
// Frames are written with their content size pledged and with a checksum, and read with and without
// either.
//
// No call throws. An encoder or decoder allocates its memory at its first use and keeps it for the
// next frames: use one for each thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <vector>

#include "codec/zstd_context.hpp"

namespace conduit::codec {

// An upper bound for the size of a frame of any `plain_size` plain bytes.
std::size_t frame_bound(std::size_t plain_size) noexcept;

class encoder {
 public:
  // `level` is zstd's; values beyond its range are clamped.
  explicit encoder(int level) noexcept : level_(level) {}

  // Writes one frame of all of `plain` to the front of `to`, which has at least
  // `frame_bound(plain.size())` bytes, and sets `stored_size` to its size. Errors are the system's:
  // `not_enough_memory`; `value_too_large` if a size does not fit the 32 bits of a seek table;
  // `no_buffer_space` if `to` is too small.
  std::error_code encode(std::span<const std::byte> plain, std::span<std::byte> to,
                         std::uint32_t& stored_size) noexcept;

  // The same, to the end of `to`, which an error leaves as it was.
  std::error_code append(std::span<const std::byte> plain, std::vector<std::byte>& to,
                         std::uint32_t& stored_size) noexcept;

 private:
  bool prepare() noexcept;

  int level_;
  compression_context context_;
};

// Memory is bounded whatever a frame claims: some 160 KiB for whole frames, and for ranges also the
// frame's window, at most 128 MiB. Every call gives `errc::corrupt` for anything but exactly one
// frame, and for a frame that is skippable, in an old format, in need of a dictionary or of a
// larger window, or of another size than expected. Lack of memory is `not_enough_memory` of the
// system. After an error the content of the destination is unspecified.
class decoder {
 public:
  // Decodes the frame `stored` into all of `plain`, and compares its checksum. `plain` has the size
  // that the seek table gives. Like libzstd when it decodes at once, it accepts blocks larger than
  // the frame's window, which are corrupt when decoded piece by piece.
  std::error_code decode_whole(std::span<const std::byte> stored,
                               std::span<std::byte> plain) noexcept;

  // Decodes the plain bytes [skip, skip + to.size()) of a frame of `plain_size`, and stops there:
  // it sees a fault behind them, or a wrong checksum, only if they reach to the frame's end.
  // `errc::out_of_range` if they reach beyond it. Up to one block of 128 KiB this gains nothing
  // over `decode_whole`.
  std::error_code decode_range(std::span<const std::byte> stored, std::uint32_t plain_size,
                               std::uint32_t skip, std::span<std::byte> to) noexcept;

 private:
  bool prepare() noexcept;

  decompression_context context_;
  std::vector<std::byte> dropped_;  // receives the bytes before a range
};

}  // namespace conduit::codec
