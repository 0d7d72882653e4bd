#include "files/torn_tail.hpp"
#include "files/exact_transfers.hpp"

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "base/os_error.hpp"
#include "codec/frame_header.hpp"
#include "files/frame_loading.hpp"

namespace conduit::files {

namespace {

constexpr std::size_t read_bytes = 1U << 20;

// Sets `zero` if all bytes from `at` on are zero.
std::error_code is_zero(io::file_io& disk, int fd, std::uint64_t at, std::uint64_t file_size,
                        bool& zero) {
  std::vector<std::byte> piece(
      static_cast<std::size_t>(std::min<std::uint64_t>(read_bytes, file_size - at)));
  zero = true;
  while (zero && at < file_size) {
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), file_size - at)));
    const std::error_code error = read_exact(disk, fd, piece, at);
    if (error) return error;
    zero = std::all_of(piece.begin(), piece.end(),
                       [](std::byte value) { return value == std::byte{0}; });
    at += piece.size();
  }
  return {};
}

}  // namespace

std::error_code examine_file(io::file_io& disk, int fd, examined_file& found) {
  found = {};
  loaded_frames walked;
  std::error_code error = walk_frames(disk, fd, walked);
  if (error) return error;
  found.file_size = walked.file_size;
  found.frames = std::move(walked.frames);
  if (walked.state == codec::walk_state::complete) return {};
  found.outcome = recovery::mended;
  if (walked.state == codec::walk_state::table_missing) return {};
  const std::uint64_t end = found.frames.stored_size();
  bool torn = false;
  error = ends_within_frame(disk, fd, end, found.file_size, torn);
  try {
    if (!error && !torn) error = is_zero(disk, fd, end, found.file_size, torn);
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
  if (!torn) found.outcome = recovery::damaged;
  return error;
}

recovery_report report_of(const examined_file& found) noexcept {
  recovery_report report;
  report.outcome = found.outcome;
  report.frames = found.frames.count();
  report.offset = found.frames.stored_size();
  if (found.outcome != recovery::nothing_to_do) report.cut_bytes = found.file_size - report.offset;
  return report;
}

}  // namespace conduit::files
