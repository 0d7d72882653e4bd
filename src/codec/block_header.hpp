// The three bytes before each block of a frame, see RFC 8878 (section 3.1.1.2), and a scan of all
// blocks of a frame that decodes none.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace conduit::codec {

inline constexpr std::size_t block_header_size = 3;

struct block_header {
  bool last = false;
  // False for a block of the reserved type, and for a compressed one of 0 bytes: libzstd rejects
  // that when it decodes at once, and skips it when it decodes piece by piece.
  bool valid = false;
  std::uint32_t stored_size = 0;  // bytes of the block behind its header
};

inline block_header inspect_block_header(
    std::span<const std::byte, block_header_size> bytes) noexcept {
  enum : unsigned { run_length = 1, compressed = 2, reserved = 3 };
  const std::uint32_t value = std::to_integer<std::uint32_t>(bytes[0]) |
                              std::to_integer<std::uint32_t>(bytes[1]) << 8U |
                              std::to_integer<std::uint32_t>(bytes[2]) << 16U;
  const unsigned type = (value >> 1U) & 3U;
  const std::uint32_t size = value >> 3U;
  const bool valid = type != reserved && (type != compressed || size != 0);
  return {(value & 1U) != 0, valid, type == run_length ? 1 : size};
}

// The blocks of one frame, whose bytes, header included, come in pieces.
class block_scan {
 public:
  explicit block_scan(std::uint32_t frame_header_size = 0) noexcept : left_(frame_header_size) {}

  // False once an invalid block begins. Bytes behind the last block are ignored.
  bool feed(std::span<const std::byte> piece) noexcept {
    while (!piece.empty() && valid_ && !ended_) {
      if (left_ != 0) {
        const std::size_t size = std::min<std::size_t>(left_, piece.size());
        piece = piece.subspan(size);
        left_ -= static_cast<std::uint32_t>(size);
      } else {
        header_bytes_[header_size_++] = piece.front();
        piece = piece.subspan(1);
        if (header_size_ == block_header_size) begin_block();
      }
      ended_ = last_ && left_ == 0 && header_size_ == 0;
    }
    return valid_;
  }

 private:
  void begin_block() noexcept {
    const block_header header = inspect_block_header(header_bytes_);
    valid_ = header.valid;
    last_ = header.last;
    left_ = header.stored_size;
    header_size_ = 0;
  }

  std::array<std::byte, block_header_size> header_bytes_{};
  std::size_t header_size_ = 0;
  std::uint32_t left_;  // bytes of the block, or of the frame's header
  bool valid_ = true;
  bool last_ = false;
  bool ended_ = false;
};

}  // namespace conduit::codec
