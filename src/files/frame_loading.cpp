#include "files/frame_loading.hpp"

#include <conduit/error.hpp>

#include <algorithm>
#include <array>
#include <asio/error.hpp>
#include <cerrno>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "base/os_error.hpp"
#include "codec/block_header.hpp"
#include "codec/frame_header.hpp"
#include "codec/seek_table.hpp"
#include "files/exact_transfers.hpp"

namespace conduit::files {

namespace {

constexpr std::size_t walk_read_bytes = 1U << 20;
constexpr std::size_t window_bytes = 4096;
constexpr std::size_t frame_checksum_size = 4;

// Reads small pieces of a file, mostly in ascending order.
class window {
 public:
  window(io::file_io& disk, int fd, std::uint64_t file_size)
      : disk_(disk), fd_(fd), file_size_(file_size) {}

  // The bytes from `offset` on: at least `size`, or fewer if the file ends.
  std::error_code look(std::uint64_t offset, std::size_t size, std::span<const std::byte>& bytes) {
    const std::uint64_t wanted_end = std::min<std::uint64_t>(file_size_, offset + size);
    if (offset < start_ || wanted_end > start_ + filled_) {
      start_ = offset;
      filled_ = static_cast<std::size_t>(
          std::min<std::uint64_t>(window_bytes, file_size_ - std::min(offset, file_size_)));
      const std::error_code error = read_exact(disk_, fd_, {bytes_.data(), filled_}, offset);
      if (error) return error;
    }
    bytes = std::span<const std::byte>(bytes_).first(filled_).subspan(
        static_cast<std::size_t>(offset - start_));
    return {};
  }

 private:
  io::file_io& disk_;
  const int fd_;
  const std::uint64_t file_size_;
  std::array<std::byte, window_bytes> bytes_{};
  std::uint64_t start_ = 0;
  std::size_t filled_ = 0;
};

// Skips over the blocks of a frame from `at`, and finds the end of the last one. Decodes nothing.
std::error_code end_of_blocks(window& bytes, std::uint64_t& at, std::uint64_t limit) {
  for (bool last = false; !last;) {
    std::span<const std::byte> start;
    const std::error_code error = bytes.look(at, codec::block_header_size, start);
    if (error) return error;
    if (start.size() < codec::block_header_size) return errc::corrupt;
    const codec::block_header header =
        codec::inspect_block_header(start.first<codec::block_header_size>());
    if (!header.valid) return errc::corrupt;
    last = header.last;
    at += codec::block_header_size + header.stored_size;
    if (at > limit) return errc::corrupt;
  }
  return {};
}

// Checks a frame's sizes against its own headers.
std::error_code check_frame(window& bytes, const codec::placed_frame& frame) {
  std::span<const std::byte> start;
  const std::error_code error = bytes.look(
      frame.stored_start, codec::frame_header_size_max + codec::block_header_size, start);
  if (error) return error;
  codec::frame_header header;
  if (codec::inspect_frame_header(start, header) != codec::header_state::whole)
    return errc::corrupt;
  if (header.skippable) {
    const bool agrees =
        frame.sizes.plain == 0 &&
        frame.sizes.stored == std::uint64_t{header.header_size} + header.skipped_size;
    return agrees ? std::error_code{} : errc::corrupt;
  }
  if (!header.is_supported() ||
      header.content_size.value_or(frame.sizes.plain) != frame.sizes.plain)
    return errc::corrupt;
  std::uint64_t at = frame.stored_start + header.header_size;
  const std::error_code blocks = end_of_blocks(bytes, at, frame.stored_end());
  if (blocks) return blocks;
  if (header.has_checksum) at += frame_checksum_size;
  return at == frame.stored_end() ? std::error_code{} : errc::corrupt;
}

bool begins_with(const codec::frame_index& frames, const codec::frame_index& known) {
  if (known.count() > frames.count()) return false;
  for (std::size_t i = 0; i < known.count(); ++i) {
    if (frames[i] != known[i]) return false;
  }
  return true;
}

std::error_code size_of(io::file_io& disk, int fd, std::uint64_t& size) {
  io::file_status status;
  const std::int64_t known = disk.status(fd, status);
  size = status.size;
  return os_error(known);
}

}  // namespace

std::error_code load_seek_table(io::file_io& disk, int fd, loaded_frames& found) {
  found = {};
  std::error_code error = size_of(disk, fd, found.file_size);
  if (error) return error;
  std::array<std::byte, codec::seek_table_footer_size> tail{};
  const auto tail_size =
      static_cast<std::size_t>(std::min<std::uint64_t>(tail.size(), found.file_size));
  error = read_exact(disk, fd, std::span(tail).first(tail_size), found.file_size - tail_size);
  if (error) return error;
  const auto size = codec::seek_table_size(std::span(tail).first(tail_size), found.file_size);
  if (!size) return errc::corrupt;
  try {
    std::vector<std::byte> table(*size);
    error = read_exact(disk, fd, table, found.file_size - *size);
    if (!error) error = codec::parse_seek_table(table, found.file_size, found.frames);
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
  if (error) found.frames = {};
  return error;
}

std::error_code check_frame_headers(io::file_io& disk, int fd, const loaded_frames& found,
                                    const codec::frame_index& known) {
  window bytes(disk, fd, found.file_size);
  std::error_code error;
  for (std::size_t i = begins_with(found.frames, known) ? known.count() : 0;
       !error && i < found.frames.count(); ++i)
    error = check_frame(bytes, found.frames[i]);
  return error;
}

std::error_code read_seek_table(io::file_io& disk, int fd, loaded_frames& found,
                                const codec::frame_index& known) {
  std::error_code error = load_seek_table(disk, fd, found);
  if (!error) error = check_frame_headers(disk, fd, found, known);
  if (error) found.frames = {};
  return error;
}

std::error_code walk_frames(io::file_io& disk, int fd, loaded_frames& found,
                            const std::function<bool()>& go_on, codec::frame_index known) {
  found = {};
  std::error_code error = size_of(disk, fd, found.file_size);
  if (error) return error;
  if (known.stored_size() > found.file_size) known = {};
  std::uint64_t at = known.stored_size();
  codec::frame_walk walk(found.file_size, std::move(known));
  try {
    std::vector<std::byte> piece(
        static_cast<std::size_t>(std::min<std::uint64_t>(walk_read_bytes, found.file_size)));
    for (; !error && walk.state() == codec::walk_state::needs_more; at += piece.size()) {
      if (go_on && !go_on()) return asio::error::operation_aborted;
      piece.resize(
          static_cast<std::size_t>(std::min<std::uint64_t>(walk_read_bytes, found.file_size - at)));
      error = read_exact(disk, fd, piece, at);
      if (!error) error = walk.feed(piece);
    }
    if (!error) found.frames = walk.frames();
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
  found.state = walk.state();
  return error;
}

std::error_code ends_within_frame(io::file_io& disk, int fd, std::uint64_t at,
                                  std::uint64_t file_size, bool& torn) {
  torn = false;
  window bytes(disk, fd, file_size);
  std::span<const std::byte> start;
  std::error_code error = bytes.look(at, codec::frame_header_size_max, start);
  if (error) return error;
  codec::frame_header header;
  const codec::header_state state = codec::inspect_frame_header(start, header);
  torn = state == codec::header_state::cut;
  if (state != codec::header_state::whole) return {};
  std::uint64_t end = at + header.header_size;
  if (header.skippable) {
    torn = end + header.skipped_size > file_size;
    return {};
  }
  error = end_of_blocks(bytes, end, file_size);
  if (error == errc::corrupt) {
    // A block that reaches beyond the file, or an invalid one.
    torn = end + codec::block_header_size > file_size;
    return {};
  }
  torn = !error && end + (header.has_checksum ? frame_checksum_size : 0) > file_size;
  return error;
}

}  // namespace conduit::files
