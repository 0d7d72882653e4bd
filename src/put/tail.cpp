#include "put/tail.hpp"

#include <conduit/error.hpp>

#include <array>
#include <cstring>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "base/os_error.hpp"
#include "files/exact_transfers.hpp"
#include "files/frame_loading.hpp"

namespace conduit::detail {

namespace {

bool reads_as(io::file_io& disk, int fd, std::span<const std::byte> expected,
              std::uint64_t offset) {
  std::array<std::byte, codec::seek_table_footer_size> found{};
  const std::int64_t count = disk.read(fd, found.data(), expected.size(), offset);
  return count == static_cast<std::int64_t>(expected.size()) &&
         std::memcmp(found.data(), expected.data(), expected.size()) == 0;
}

}  // namespace

bool table_stands(io::file_io& disk, const tail& at, std::uint64_t size_now) {
  if (at.table_due || size_now != at.end + at.stands) return false;
  if (at.stands == 0) return size_now == 0;
  const int fd = at.file->fd.get();
  return at.stands == at.table.bytes().size() && reads_as(disk, fd, at.table.header(), at.end) &&
         reads_as(disk, fd, at.table.footer(), size_now - codec::seek_table_footer_size);
}

tail_findings examine_frames(io::file_io& disk, tail& at,
                             std::optional<std::uint64_t> recorded_end) {
  tail_findings result;
  files::loaded_frames found;
  const int fd = at.file->fd.get();
  try {
    result.error = files::walk_frames(disk, fd, found, {}, at.frames->copy());
    if (result.error) return result;
    const std::uint64_t end = found.frames.stored_size();
    const bool whole = found.state == codec::walk_state::complete;
    if (end < at.end || end < recorded_end.value_or(0)) {
      result.doubt = "the last file is shorter than it was, or has a bad frame";
      return result;
    }
    if (!whole && !recorded_end) {
      result.doubt = "the last file's end is damaged, and nothing tells by whom";
      return result;
    }
    at.table = {};
    at.table.append(found.frames);
    at.frames->learn(std::move(found.frames));
    at.end = end;
    at.stands = whole ? found.file_size - end : 0;
    at.table_due = !whole;
    if (whole) return result;
    result.error = os_error(disk.truncate(fd, end));
    if (!result.error) result.error = write_table(disk, at);
    // The table stays due. The frames are whole, and a caller that makes room must be able to go
    // on.
    if (is_out_of_space(result.error)) result.error.clear();
    if (!at.table_due || end != found.file_size) result.cut = end;
  } catch (const std::bad_alloc&) {
    result.error = std::make_error_code(std::errc::not_enough_memory);
  }
  return result;
}

std::error_code write_table(io::file_io& disk, tail& at) {
  if (!at.frames || !at.table_due) return {};
  const int fd = at.file->fd.get();
  at.table.drop(at.table.count() - at.frames->count());
  const std::span<const std::byte> table = at.table.bytes();
  // The table first: while there is room for it, it makes the file readable.
  std::error_code error = files::write_exact(disk, fd, table, at.end);
  if (!error) error = os_error(disk.truncate(fd, at.end + table.size()));
  at.stands = error ? 0 : table.size();
  at.table_due = static_cast<bool>(error);
  // The next holder finds whole frames, and writes their table.
  if (error) static_cast<void>(disk.truncate(fd, at.end));
  return error;
}

}  // namespace conduit::detail
