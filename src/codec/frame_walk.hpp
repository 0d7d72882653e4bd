// Walks the frames of a compressed file from its first byte and believes nothing but what it has
// decoded: what a reader does with a file whose seek table is missing or in doubt, and a verifier
// with every file.
//
// A blob may itself be a zstd file, and a raw block may hold what looks like a table. So nothing is
// searched for behind a bad byte, and a table is believed only where a frame ends that is whole,
// and only if it says of every frame what the walk saw.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "codec/block_header.hpp"
#include "codec/frame_header.hpp"
#include "codec/frame_index.hpp"
#include "codec/zstd_context.hpp"

namespace conduit::codec {

enum class walk_state {
  needs_more,     // the file goes on
  complete,       // whole frames, and a table that agrees with them ends the file; or an empty file
  table_missing,  // the file ends behind a whole frame
  bad  // the frame at `offset()` is bad or cut, or is a table that disagrees with the frames before
       // it
};

// A frame is whole if header, blocks, pledged content size and checksum agree; the last two where
// it has them. Skippable frames count, with no plain bytes. Bad are frames that `decoder` refuses
// as well, and those that a seek table cannot name: 4 GiB and more of stored or plain bytes. The
// skippable frame of a table's magic number that ends exactly where the file ends is the table and
// nothing else.
//
// Memory: some 300 KiB, the window of the largest frame, at most 128 MiB, 16 bytes a frame, and the
// table while it is compared.
class frame_walk {
 public:
  // `known`: the file's first frames, walked before and unchanged since; the walk begins behind
  // them. They end within the file.
  explicit frame_walk(std::uint64_t file_size, frame_index known = {}) noexcept;

  // Takes the file's next bytes: pieces of any size, in order, from the end of the known frames,
  // offset 0 without any. What comes when the state is final, or lies beyond the file's size, is
  // passed over. The only error is `not_enough_memory` of the system: it says nothing of the file,
  // and the walk is at its end.
  std::error_code feed(std::span<const std::byte> piece) noexcept;

  // `needs_more` until a bad frame is seen or `file_size` bytes came.
  walk_state state() const noexcept { return state_; }

  // All whole frames so far, without the table.
  const frame_index& frames() const noexcept { return frames_; }
  // Where the last of them ended: the end of the file for `table_missing`, the start of the table
  // for `complete`, of the bad frame for `bad`.
  std::uint64_t offset() const noexcept { return frames_.stored_size(); }

 private:
  enum class part { header, blocks, skipped, table };

  std::error_code take(std::span<const std::byte>& piece);
  std::error_code take_header(std::span<const std::byte>& piece);
  std::error_code begin_frame();
  void begin_skippable();
  std::error_code take_blocks(std::span<const std::byte>& piece);
  void take_skipped(std::span<const std::byte>& piece);
  std::error_code take_table(std::span<const std::byte>& piece);
  void end_frame();
  std::span<const std::byte> advance(std::span<const std::byte>& piece, std::size_t size) noexcept;

  std::uint64_t file_size_;
  std::uint64_t taken_ = 0;  // of the file
  walk_state state_;
  frame_index frames_;

  // The frame that begins at `offset()`.
  part part_ = part::header;
  std::array<std::byte, frame_header_size_max> header_bytes_{};
  std::size_t header_size_ = 0;
  frame_header header_;
  block_scan blocks_;
  std::uint64_t plain_size_ = 0;  // so far
  std::vector<std::byte> table_;  // the bytes so far, where it is one
  std::vector<std::byte> plain_;  // decoded, and not looked at
  decompression_context context_;
};

}  // namespace conduit::codec
