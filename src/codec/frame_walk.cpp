#include "codec/frame_walk.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "codec/seek_table.hpp"

namespace conduit::codec {

namespace {

constexpr std::uint64_t frame_size_max = std::numeric_limits<std::uint32_t>::max();

std::error_code no_memory() noexcept { return std::make_error_code(std::errc::not_enough_memory); }

// A table has exactly one entry a frame. So a forged one takes no more memory than the frames
// before it justify.
bool is_table_size_of(std::size_t count, std::uint64_t size) noexcept {
  const std::uint64_t without_checksums = encoded_seek_table_size(count);
  return size == without_checksums || size == without_checksums + 4 * std::uint64_t{count};
}

}  // namespace

frame_walk::frame_walk(std::uint64_t file_size, frame_index known) noexcept
    : file_size_(file_size),
      taken_(known.stored_size()),
      state_(file_size == 0 ? walk_state::complete : walk_state::needs_more),
      frames_(std::move(known)) {
  if (file_size != 0 && taken_ == file_size) state_ = walk_state::table_missing;
}

std::error_code frame_walk::feed(std::span<const std::byte> piece) noexcept {
  piece = piece.first(
      static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), file_size_ - taken_)));
  try {
    while (state_ == walk_state::needs_more && !piece.empty()) {
      if (const auto error = take(piece)) return error;
    }
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  if (state_ == walk_state::needs_more && taken_ == file_size_) {
    state_ = taken_ == offset() ? walk_state::table_missing : walk_state::bad;
  }
  return {};
}

std::error_code frame_walk::take(std::span<const std::byte>& piece) {
  switch (part_) {
    case part::header:
      return take_header(piece);
    case part::blocks:
      return take_blocks(piece);
    case part::skipped:
      take_skipped(piece);
      return {};
    case part::table:
      return take_table(piece);
  }
  return {};
}

std::error_code frame_walk::take_header(std::span<const std::byte>& piece) {
  // Byte by byte: only the bytes so far tell how long the header is.
  header_bytes_[header_size_++] = advance(piece, 1).front();
  switch (inspect_frame_header(std::span(header_bytes_).first(header_size_), header_)) {
    case header_state::cut:
      return {};
    case header_state::invalid:
      state_ = walk_state::bad;
      return {};
    case header_state::whole:
      break;
  }
  if (!header_.skippable) return begin_frame();
  begin_skippable();
  return {};
}

std::error_code frame_walk::begin_frame() {
  if (!header_.is_supported()) {
    state_ = walk_state::bad;
    return {};
  }
  if (!context_) context_ = make_decompression_context();
  if (!context_) return no_memory();
  plain_.resize(ZSTD_DStreamOutSize());
  ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only);
  // The header goes in alone, even if more bytes are available: libzstd would decode a whole small
  // frame in another way, and the result must not depend on how the file was cut into pieces.
  std::span<const std::byte> header = std::span(header_bytes_).first(header_size_);
  taken_ = offset();
  plain_size_ = 0;
  blocks_ = block_scan(header_.header_size);
  part_ = part::blocks;
  std::error_code error;
  while (!error && !header.empty() && state_ == walk_state::needs_more) error = take_blocks(header);
  return error;
}

void frame_walk::begin_skippable() {
  const std::uint64_t size = std::uint64_t{header_.header_size} + header_.skipped_size;
  const bool ends_file = size == file_size_ - offset();
  const bool is_table = ends_file && header_.magic == seek_table_magic;
  if (size > file_size_ - offset() || size > frame_size_max ||
      (is_table && !is_table_size_of(frames_.count(), size))) {
    state_ = walk_state::bad;
    return;
  }
  plain_size_ = 0;
  if (is_table) {
    table_.reserve(static_cast<std::size_t>(size));
    table_.assign(header_bytes_.begin(),
                  header_bytes_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    part_ = part::table;
  } else if (header_.skipped_size != 0) {
    part_ = part::skipped;
  } else {
    end_frame();
  }
}

std::error_code frame_walk::take_blocks(std::span<const std::byte>& piece) {
  ZSTD_inBuffer in{piece.data(), piece.size(), 0};
  ZSTD_outBuffer out{plain_.data(), plain_.size(), 0};
  const std::size_t result = ZSTD_decompressStream(context_.get(), &out, &in);
  if (ZSTD_isError(result) != 0) {
    const auto error = decoding_error(result);
    if (error == std::errc::not_enough_memory) return error;
    state_ = walk_state::bad;
    return {};
  }
  const bool valid = blocks_.feed(advance(piece, in.pos));
  plain_size_ += out.pos;
  const bool ended = result == 0;
  const bool too_much = plain_size_ > header_.content_size.value_or(frame_size_max) ||
                        taken_ - offset() > frame_size_max;
  const bool too_little = ended && plain_size_ < header_.content_size.value_or(0);
  if (!valid || too_much || too_little) {
    state_ = walk_state::bad;
  } else if (ended) {
    end_frame();
  }
  return {};
}

void frame_walk::take_skipped(std::span<const std::byte>& piece) {
  const std::uint64_t left = offset() + header_.header_size + header_.skipped_size - taken_;
  const std::uint64_t size = std::min<std::uint64_t>(left, piece.size());
  advance(piece, static_cast<std::size_t>(size));
  if (size == left) end_frame();
}

std::error_code frame_walk::take_table(std::span<const std::byte>& piece) {
  // The table ends the file, so all further bytes belong to it.
  const auto bytes = advance(piece, piece.size());
  table_.insert(table_.end(), bytes.begin(), bytes.end());
  if (taken_ < file_size_) return {};
  frame_index entries;
  const auto error = parse_seek_table(table_, file_size_, entries);
  if (error == std::errc::not_enough_memory) return error;
  state_ = !error && entries == frames_ ? walk_state::complete : walk_state::bad;
  table_ = {};
  return {};
}

void frame_walk::end_frame() {
  frames_.append(
      {static_cast<std::uint32_t>(taken_ - offset()), static_cast<std::uint32_t>(plain_size_)});
  part_ = part::header;
  header_size_ = 0;
}

// Takes the next `size` bytes and returns them.
std::span<const std::byte> frame_walk::advance(std::span<const std::byte>& piece,
                                               std::size_t size) noexcept {
  const auto bytes = piece.first(size);
  piece = piece.subspan(size);
  taken_ += size;
  return bytes;
}

}  // namespace conduit::codec
