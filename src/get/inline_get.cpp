// The fast path of a get: bytes in the page cache, read on the caller's thread by one system call.
#include <conduit/detail/inline_get.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "get/check_blob.hpp"
#include "get/inline_limits.hpp"
#include "get/slice_range.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

namespace {

bool worthwhile(binding& where, const file_range& range) noexcept {
  return range.valid && range.length != 0 && range.length <= inline_bytes_max &&
         where.disk->idle() && !where.inline_reads.must_yield() && where.inline_reads.may_try();
}

void count_inline(binding& where, const file_range& range) noexcept {
  where.reads.inline_reads.add(1);
  where.reads.bytes.add(range.length);
}

// All frames of the slice are decoded in the cache.
bool copy_from_cache(binding& where, const data_file& file, const data_location& location,
                     const file_range& range, std::byte* to, std::error_code& error) {
  thread_local std::vector<codec::placed_frame> frames;
  frames.clear();
  try {
    if (!file.frames()->find(range.start, range.start + range.length, frames)) return false;
  } catch (const std::bad_alloc&) {
    return false;
  }
  const std::uint64_t end = range.start + range.length;
  std::uint64_t at = range.start;
  for (const codec::placed_frame& frame : frames) {
    const decoded_frame bytes = where.state->decoded_frames.find({file.serial, frame.stored_start});
    if (!bytes) return false;
    const auto size = static_cast<std::size_t>(std::min(end, frame.plain_end()) - at);
    std::memcpy(to + (at - range.start), bytes->data() + (at - frame.plain_start), size);
    at += size;
  }
  where.reads.cache_hits.add(frames.size());
  count_inline(where, range);
  error = check_blob(where.state->how, location, range, {to, range.length});
  return true;
}

bool read_inline(binding& where, const data_location& location, const file_range& range,
                 std::byte* to, std::error_code& error) {
  std::int64_t count = 0;
  const auto read = [&](const data_file& plain) {
    count = where.disk->read_cached(plain.fd(), to, range.length, range.start);
  };
  if (!where.files.with_file_at_hand(location.file_number, read)) {
    const auto file = where.files.find(location.file_number);
    if (!file || file->direct) return false;
    if (file->id.form == file_form::zstd)
      return copy_from_cache(where, *file, location, range, to, error);
    read(*file);
  }
  if (count < 0 || static_cast<std::uint64_t>(count) != range.length) {
    where.inline_reads.miss();
    return false;
  }
  where.inline_reads.hit();
  count_inline(where, range);
  error = check_blob(where.state->how, location, range, {to, range.length});
  return true;
}

}  // namespace

bool may_read_inline(const binding& where) noexcept { return where.disk->idle(); }

bool try_get_into(binding& where, const data_location& location, const slice& part,
                  const asio::mutable_buffer& to, std::size_t& length,
                  std::error_code& error) noexcept {
  const file_range range = range_of(location, part);
  if (!worthwhile(where, range) || range.length > to.size()) return false;
  error = where.state->admit();
  if (error) return true;
  length = range.length;
  return read_inline(where, location, range, static_cast<std::byte*>(to.data()), error);
}

bool try_get(binding& where, const data_location& location, const slice& part, blob& bytes,
             std::error_code& error) noexcept {
  const file_range range = range_of(location, part);
  if (!worthwhile(where, range)) return false;
  error = where.state->admit();
  if (error) return true;
  try {
    bytes = blob(range.length);
  } catch (const std::bad_alloc&) {
    return false;  // the asynchronous way reports it
  }
  if (read_inline(where, location, range, bytes.data(), error)) return true;
  bytes = blob();  // or it would stay allocated beside the memory of the asynchronous read
  return false;
}

}  // namespace conduit::detail
