// The fast path of a get: bytes in the page cache, read on the caller's thread by one system call.
#include <conduit/detail/inline_get.hpp>

#include "files/binding.hpp"
#include "get/check_blob.hpp"
#include "get/inline_limits.hpp"
#include "get/slice_range.hpp"

namespace conduit::detail {

namespace {

bool worthwhile(binding& where, const file_range& range) noexcept {
  return range.valid && range.length != 0 && range.length <= inline_bytes_max && where.disk->idle() && !where.inline_reads.must_yield() &&
         where.inline_reads.may_try();
}

bool read_inline(binding& where, const data_location& location, const file_range& range, std::byte* to, std::error_code& error) {
  const auto file = where.files.find(location.file_number);
  if (!file || file->direct || file->id.form != file_form::plain) return false;
  const std::int64_t count = where.disk->read_cached(file->fd(), to, range.length, range.start);
  if (count < 0 || static_cast<std::uint64_t>(count) != range.length) {
    where.inline_reads.miss();
    return false;
  }
  where.inline_reads.hit();
  where.reads.inline_reads.fetch_add(1, std::memory_order_relaxed);
  where.reads.bytes.fetch_add(range.length, std::memory_order_relaxed);
  error = check_blob(where.state->how, location, range, {to, range.length});
  return true;
}

}  // namespace

bool may_read_inline(const binding& where) noexcept { return where.disk->idle(); }

bool try_get_into(binding& where, const data_location& location, const slice& part, const asio::mutable_buffer& to, std::size_t& length,
                  std::error_code& error) noexcept {
  const file_range range = range_of(location, part);
  if (!worthwhile(where, range) || range.length > to.size()) return false;
  error = where.state->admit();
  if (error) return true;
  length = range.length;
  return read_inline(where, location, range, static_cast<std::byte*>(to.data()), error);
}

bool try_get(binding& where, const data_location& location, const slice& part, blob& bytes, std::error_code& error) {
  const file_range range = range_of(location, part);
  if (!worthwhile(where, range)) return false;
  error = where.state->admit();
  if (error) return true;
  blob memory(range.length);
  if (!read_inline(where, location, range, memory.data(), error)) return false;
  bytes = std::move(memory);
  return true;
}

}  // namespace conduit::detail
