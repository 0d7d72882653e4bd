// The path of a get: range, open file, an attempt at once or through the engine, short transfers,
// checksum.
#include <conduit/detail/operations.hpp>
#include <conduit/error.hpp>

#include <algorithm>
#include <asio/error.hpp>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/os_error.hpp"
#include "base/retries.hpp"
#include "get/check_blob.hpp"
#include "get/direct_range.hpp"
#include "get/framed_read.hpp"
#include "get/inline_limits.hpp"
#include "get/slice_range.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

void get_op::start() {
  if (owner->port.ended()) return end(finish::destroy);
  const file_range range = range_of(location, part);
  error = owner->state->admit();
  if (error) return end(how);
  if (!range.valid || (!own_memory && range.length > capacity)) return fail(errc::out_of_range);
  length = range.length;
  if (file) return read();  // a stream's, which keeps it open
  file = owner->files.find(location.file_number);
  const bool direct = wants_direct();
  if (!file || (direct && !file->opened_for_direct) || (pins && file->direct)) {
    owner->state->watch_for_deleted_files();
    file = try_open(direct, open_effort::cached_only);
    if (!file)
      return error == std::errc::resource_unavailable_try_again ? open_on_helper() : fail(error);
  }
  read();
}

bool get_op::wants_direct() const noexcept {
  return owner->state->how.direct_io && !pins &&
         location.file_number < owner->state->sealed_below.load(std::memory_order_relaxed);
}

void get_op::fail(std::error_code why) {
  error = why;
  bytes = blob();  // nobody filled it
  end(how);
}

void get_op::open_on_helper() {
  opening = true;
  binding* const where = owner.get();
  where->port.send_away(*this);
  const std::error_code refused = where->state->helpers.post_read([this, where] {
    open_file(false);
    if (error != std::errc::resource_unavailable_try_again || file)
      return where->port.deliver(*this);
    // Both forms of the number have to be compared, which takes long: meanwhile this thread opens
    // files for other reads.
    auto compare = [this, where] {
      open_file(true);
      where->port.deliver(*this);
    };
    try {
      where->state->codecs.post(compare);
    } catch (...) {
      compare();  // no thread available: run it here
    }
  });
  if (!refused) return;
  where->port.take_back(*this);
  opening = false;
  fail(refused);
}

void get_op::open_file(bool may_compare_forms) {
  const auto effort = may_compare_forms ? open_effort::may_compare : open_effort::may_block;
  const bool direct = wants_direct();
  // Another read may have opened the file meanwhile: each opening learns the frames of a compressed
  // file anew.
  auto found = reopened ? nullptr : owner->files.find(location.file_number);
  if (found && (!direct || found->opened_for_direct) && !(pins && found->direct)) {
    file = std::move(found);
    error.clear();
  } else {
    file = try_open(direct, effort);
  }
}

// Null, and `error` set, if it cannot be opened.
std::shared_ptr<data_file> get_op::try_open(bool direct, open_effort effort) noexcept try {
  return owner->files.open(location.file_number, direct, effort, error);
} catch (const std::bad_alloc&) {
  error = std::make_error_code(std::errc::not_enough_memory);
  return nullptr;
}

// The file is open: allocate the memory, then read the bytes.
void get_op::read() {
  if (file->id.form == file_form::plain) {
    framed.reset();
    return read_plain();
  }
  if (pins) return fail(errc::wrong_form);
  if (!framed) framed.reset(new (std::nothrow) framed_read(*this));
  if (!framed) return fail(std::make_error_code(std::errc::not_enough_memory));
  framed->begin();
}

void get_op::read_plain() {
  const file_range range = range_of(location, part);
  if (length == 0 || length > trusted_bytes_max || pins) {
    io::file_status status;
    const std::int64_t known = owner->disk->status(file->fd(), status);
    if (known < 0) return fail(os_error(known));
    if (range.start + length > status.size) return mend_short_file();
  }
  if (pins) return end(how);
  if (own_memory && destination == nullptr && length != 0) {
    try {
      bytes = blob(length);
    } catch (const std::bad_alloc&) {
      return fail(std::make_error_code(std::errc::not_enough_memory));
    }
    destination = bytes.data();
  }
  if (length == 0) return conclude();
  if (file->direct && !is_aligned(destination, range.start, length) && bounce.empty()) {
    try {
      bounce = blob(align_up(range.start + length) - align_down(range.start) + direct_alignment);
    } catch (const std::bad_alloc&) {
      return fail(std::make_error_code(std::errc::not_enough_memory));
    }
  }
  if (length <= inline_bytes_max && !file->direct && owner->disk->idle() &&
      owner->inline_reads.may_try()) {
    result = owner->disk->read_cached(file->fd(), destination, length, range.start);
    if (result == static_cast<std::int64_t>(length)) {
      owner->inline_reads.hit();
      served_inline = true;
      return owner->disk->complete_later(*this);
    }
    owner->inline_reads.miss();
  }
  attempt();
}

// One more transfer, from the end of the last one. This function and `complete` do all arithmetic
// of short reads.
void get_op::attempt() {
  const file_range range = range_of(location, part);
  what = kind::read;
  fd = file->fd();
  fixed = file->fixed();
  if (bounce.empty()) {
    data = destination + transferred;
    offset = range.start + transferred;
    size = std::min(length - transferred, transfer_bytes_max);
  } else {
    auto* const memory =
        reinterpret_cast<std::byte*>(align_up(reinterpret_cast<std::uintptr_t>(bounce.data())));
    data = memory + transferred;
    offset = align_down(range.start) + transferred;
    size = std::min<std::size_t>(align_up(range.start + length) - offset, transfer_bytes_max);
  }
  once = is_read_once(owner->state->how, size);
  owner->disk->start(*this);
}

void get_op::complete() {
  how = finish::dispatch;
  if (opening) {
    opening = false;
    if (abandoned.load(std::memory_order_relaxed)) return fail(asio::error::operation_aborted);
    if (!file) return fail(error);
    return read();
  }
  if (framed) return framed->go_on();
  if (abandoned.load(std::memory_order_relaxed) && result <= 0)
    return fail(asio::error::operation_aborted);
  if (tries_again(result, retries)) return attempt();
  if (result == -EINVAL && file->direct && !reopened) {
    // The disk requires a larger alignment, or does not support O_DIRECT after all.
    reopened = true;
    bounce = blob();
    transferred = 0;
    file = try_open(false, open_effort::may_compare);
    return file ? attempt() : fail(error);
  }
  if (result < 0) return fail(os_error(result));
  const file_range range = range_of(location, part);
  const std::size_t lead = bounce.empty() ? 0 : range.start - align_down(range.start);
  transferred += static_cast<std::size_t>(result);
  if (transferred >= lead + length) return conclude();
  if (result == 0) return mend_short_file();
  // The next direct transfer must begin at a block again.
  if (file->direct) {
    const std::size_t whole_blocks = align_down(transferred);
    if (whole_blocks == transferred - static_cast<std::size_t>(result)) return mend_short_file();
    transferred = whole_blocks;
  }
  if (abandoned.load(std::memory_order_relaxed)) return fail(asio::error::operation_aborted);
  attempt();
}

// The file is shorter than the location says. It may have been replaced under its name: it is
// opened again, once.
void get_op::mend_short_file() {
  if (!reopened) {
    reopened = true;
    transferred = 0;
    bounce = blob();
    owner->files.forget(location.file_number);
    return open_on_helper();
  }
  io::file_status status;
  const bool empty = owner->disk->status(file->fd(), status) >= 0 && status.size == 0;
  // An original re-creates an empty file under a number that was deleted.
  fail(empty ? errc::no_such_file : errc::out_of_range);
}

void get_op::conclude() {
  const file_range range = range_of(location, part);
  if (!bounce.empty()) {
    const auto* const memory = reinterpret_cast<const std::byte*>(
        align_up(reinterpret_cast<std::uintptr_t>(bounce.data())));
    std::memcpy(destination, memory + (range.start - align_down(range.start)), length);
  }
  (served_inline ? owner->reads.inline_reads : owner->reads.async_reads).add(1);
  owner->reads.bytes.add(length);
  error = check_blob(owner->state->how, location, range, {destination, length});
  if (error) bytes = blob();
  end(how);
}

void get_op::cancel() noexcept {
  abandoned.store(true);
  if (owner->state->forked()) return;
  owner->disk->cancel(*this);
  // No other party will wake it.
  if (owner->state->waits->leave(*this)) owner->port.deliver(*this);
}

bool get_op::revoke() noexcept { return owner->state->waits->leave(*this); }

void get_op::drop() noexcept { end(finish::destroy); }

int descriptor_of(const data_file& file) noexcept { return file.fd(); }

}  // namespace conduit::detail
