#include "put/tail.hpp"

#include <conduit/error.hpp>

#include <array>
#include <cstring>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "base/os_error.hpp"
#include "files/frame_loading.hpp"

namespace conduit::detail {

namespace {

std::error_code write_exact(io::file_io& disk, int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
  unsigned retries = 0;
  while (!bytes.empty()) {
    const iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    const std::int64_t count = disk.write(fd, &part, 1, offset);
    if ((count == 0 || is_transient(count)) && ++retries <= transient_retries_max) continue;
    if (count <= 0) return count == 0 ? std::make_error_code(std::errc::io_error) : os_error(count);
    retries = 0;
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

bool reads_as(io::file_io& disk, int fd, std::span<const std::byte> expected, std::uint64_t offset) {
  std::array<std::byte, codec::seek_table_footer_size> found{};
  const std::int64_t count = disk.read(fd, found.data(), expected.size(), offset);
  return count == static_cast<std::int64_t>(expected.size()) && std::memcmp(found.data(), expected.data(), expected.size()) == 0;
}

std::vector<std::byte> table_of(const codec::frame_index& frames) {
  std::vector<std::byte> table(codec::encoded_seek_table_size(frames.count()));
  codec::encode_seek_table(frames, {}, table);
  return table;
}

}  // namespace

bool table_stands(io::file_io& disk, const tail& at, std::uint64_t size_now) {
  if (at.table_due || at.debris || size_now != at.end + at.table_size) return false;
  if (at.table_size == 0) return size_now == 0;
  // The first and last bytes of a table depend on the count of frames alone.
  std::array<std::byte, codec::seek_table_header_size> header{};
  std::array<std::byte, codec::seek_table_footer_size> footer{};
  codec::encode_seek_table_ends(at.frames->count(), header, footer);
  const int fd = at.file->fd.get();
  return reads_as(disk, fd, header, at.end) && reads_as(disk, fd, footer, size_now - footer.size());
}

tail_findings examine_frames(io::file_io& disk, tail& at, std::optional<std::uint64_t> recorded_end) {
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
    at.frames->learn(std::move(found.frames));
    at.end = end;
    at.table_size = whole ? found.file_size - end : 0;
    at.table_due = at.debris = !whole;
    if (whole) return result;
    result.cut = end;
    const std::int64_t cut = disk.truncate(fd, end);
    result.error = os_error(cut);
    if (!result.error) result.error = finish_table(disk, at);
  } catch (const std::bad_alloc&) {
    result.error = std::make_error_code(std::errc::not_enough_memory);
  }
  return result;
}

std::error_code finish_table(io::file_io& disk, tail& at) {
  if (!at.frames || (!at.table_due && !at.debris)) return {};
  const int fd = at.file->fd.get();
  std::error_code error;
  try {
    const std::vector<std::byte> table = table_of(at.frames->copy());
    error = write_exact(disk, fd, table, at.end);
    if (!error && at.debris) error = os_error(disk.truncate(fd, at.end + table.size()));
    if (!error) at.table_size = table.size();
  } catch (const std::bad_alloc&) {
    error = std::make_error_code(std::errc::not_enough_memory);
  }
  if (error) {
    at.table_size = 0;
    at.debris = disk.truncate(fd, at.end) < 0;
    at.table_due = true;
    return error;
  }
  at.table_due = at.debris = false;
  return {};
}

}  // namespace conduit::detail
