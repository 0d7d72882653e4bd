// Walks the frames of a compressed file from its first byte and trusts only what it has decoded.
// Readers walk a file whose seek table is missing or in doubt, verifiers every file.
//
// A blob may itself be a zstd file, and a raw block may look like a table. So the walk searches for
// nothing behind a bad byte, and trusts a table only at the end of a whole frame, and only if it
// agrees with the walk on every frame.
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

// A frame is whole if header, blocks, pledged content size and checksum agree; the last two are
// optional. Skippable frames count, with no plain bytes. Frames that `decoder` rejects are bad, and
// so are those that a seek table cannot describe: 4 GiB and more of stored or plain bytes. A
// skippable frame with a table's magic number that ends exactly at the end of the file is the table
// and nothing else.
//
// Memory: some 300 KiB, the window of the largest frame, at most 128 MiB, 16 bytes a frame, and the
// table while it is compared.
class frame_walk {
 public:
  // `known`: the file's first frames, walked before and unchanged since; the walk begins behind
  // them. They end within the file.
  explicit frame_walk(std::uint64_t file_size, frame_index known = {}) noexcept;

  // Takes the file's next bytes: pieces of any size, in order, from the end of the known frames
  // (offset 0 without any). Bytes after a final state, or beyond the file's size, are ignored. The
  // only error is `not_enough_memory` of the system: it says nothing about the file, and it ends
  // the walk.
  std::error_code feed(std::span<const std::byte> piece) noexcept;

  // `needs_more` until a bad frame is seen or `file_size` bytes have come.
  walk_state state() const noexcept { return state_; }

  // All whole frames so far, without the table.
  const frame_index& frames() const noexcept { return frames_; }
  // The end of the last of them: the end of the file for `table_missing`, the start of the table
  // for `complete`, the start of the bad frame for `bad`.
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
  std::uint64_t taken_ = 0;  // bytes of the file
  walk_state state_;
  frame_index frames_;

  // The frame that begins at `offset()`.
  part part_ = part::header;
  std::array<std::byte, frame_header_size_max> header_bytes_{};
  std::size_t header_size_ = 0;
  frame_header header_;
  block_scan blocks_;
  std::uint64_t plain_size_ = 0;  // so far
  std::vector<std::byte> table_;  // the table's bytes so far
  std::vector<std::byte> plain_;  // decoded bytes, which are discarded
  decompression_context context_;
};

}  // namespace conduit::codec
