#include "get/framed_read.hpp"

#include <conduit/error.hpp>

#include <algorithm>
#include <asio/error.hpp>
#include <limits>
#include <new>
#include <optional>
#include <string>

#include "files/file_name.hpp"
#include "get/slice_range.hpp"

namespace conduit::detail {

void framed_read_deleter::operator()(framed_read* read) const noexcept { delete read; }

void framed_read::begin() {
  // While it is still open, no other file can have its inode number.
  const std::shared_ptr<data_file> before = std::move(known_opening_);
  if (before && before->identity.same_file(op_.file->identity)) op_.file->share(before->frames());
  const file_range range = range_of(op_.location, op_.part);
  start_ = range.start;
  end_ = range.start + range.length;
  position_ = start_;
  followed_.clear();
  followed_bytes_ = nullptr;
  locate();
}

void framed_read::go_on() {
  switch (step_) {
    case step::following_look:
      return abandoned() ? fail(asio::error::operation_aborted) : locate();
    case step::looking:
      return looked();
    case step::following_frame:
      return abandoned() ? fail(asio::error::operation_aborted) : serve_followed();
    case step::reading:
      return transferred();
    case step::decoding:
      return decoded();
    case step::finished:
      return op_.conclude();
  }
}

// ---- which frames there are

// Bytes that this store's own writer appended need no look at the file, and could not have one: the
// writer may hold the lock.
bool framed_read::covered() {
  known_ = op_.file->frames();
  if (end_ <= known_->plain_size()) return true;
  const auto tail = state().frames_of_tail(op_.file->identity);
  if (!tail || end_ > tail->plain_size()) return false;
  op_.file->share(tail);
  known_ = tail;
  return true;
}

void framed_read::locate() {
  if (covered()) return start_chunks();
  inline_only_ = false;
  // Reads of one opening look one after the other: most find that the read before them found their
  // frames too.
  bool leads = false;
  bool follows = false;
  const bool had_memory = with_memory([&] {
    leads = try_lead(key_of_look());
    step_ = step::following_look;
    follows =
        !leads && waits_->follow(key_of_look(), op_, where().port, followed_bytes_, op_.abandoned);
  });
  if (!had_memory || follows) return;  // in both cases the operation may be gone
  if (leads) return look();
  if (abandoned()) return fail(asio::error::operation_aborted);
  locate();
}

bool framed_read::wants_lock() const noexcept {
  return op_.reopened ||
         op_.location.file_number >= state().sealed_below.load(std::memory_order_relaxed);
}

void framed_read::look() {
  step_ = step::looking;
  io::completion_port& port = where().port;
  port.send_away(op_);
  const std::error_code refused = state().helpers.post_read([this, &port, locked = wants_lock()] {
    look_.begin(where(), *op_.file, locked, [this] { return !abandoned(); });
    port.deliver(op_);
  });
  if (!refused) return;
  port.take_back(op_);
  fail(refused);
}

// Uses the store's thread for lock waits, which the kernel may block as long as another process
// likes.
void framed_read::wait_for_lock() {
  step_ = step::looking;
  // From `enter` on the operation may be served, and gone together with this object.
  const std::shared_ptr<read_waits> waits = waits_;
  const std::shared_ptr<lock::lock_thread> thread = state().lock_waits;
  io::completion_port& port = where().port;
  get_op& read = op_;
  std::optional<read_waits::ticket> ticket;
  if (!with_memory([&] {
        ticket = waits->enter(read, port, look_under_lock, std::move(look_.lock), read.abandoned);
      }))
    return;
  if (!ticket) return fail(asio::error::operation_aborted);
  const std::error_code refused = thread->wake();
  if (!refused || !waits->take(&read, *ticket)) return;
  port.take_back(read);
  fail(refused);
}

// On that thread: the lock is held, or `refused` is set.
void framed_read::look_under_lock(completion& waiting, std::error_code refused,
                                  const lock::lock_description& held) noexcept {
  auto& op = static_cast<get_op&>(waiting);
  framed_read& read = *op.framed;
  io::completion_port& port = read.where().port;
  if (refused) {
    read.look_.fail(refused);
  } else if (!read.covered()) {
    read.look_.resume(read.where(), *op.file, held, [&read] { return !read.abandoned(); });
  }
  port.deliver(op);
}

void framed_read::looked() {
  if (abandoned()) return fail(asio::error::operation_aborted);
  if (covered()) {
    land(key_of_look(), nullptr);
    return start_chunks();
  }
  using outcome = frame_look::outcome;
  if (look_.what == outcome::lock_busy) return look_.lock ? wait_for_lock() : look();
  const bool definite = wants_lock() && look_.what != outcome::replaced;
  // The known frames are kept: without them the whole file might have to be looked at under the
  // lock.
  if (!definite && !op_.reopened) return reopen(op_.file);
  if (look_.what == outcome::failed) return fail(look_.error);
  fail_uncovered();
}

void framed_read::fail_uncovered() {
  if (look_.what == frame_look::outcome::replaced) return fail(errc::no_such_file);
  // Nothing is searched behind a bad byte: whether the location ever existed cannot be told.
  if (look_.state == codec::walk_state::bad)
    return fail_corrupt(look_.whole_until,
                        "a frame is cut, or not what was stored; nothing behind it can be read");
  fail(errc::out_of_range);
}

// Rule 9 of the protocol on disk: before an error is reported the file is opened by its name once
// more, and looked at under the lock.
void framed_read::reopen(std::shared_ptr<data_file> known) {
  known_opening_ = std::move(known);
  give_up_leads();
  op_.reopened = true;
  where().files.forget(op_.location.file_number);
  op_.open_on_helper();
}

// ---- how it ends

void framed_read::fail(std::error_code error) {
  step_ = step::finished;
  give_up_leads();
  op_.fail(error);
}

void framed_read::fail_corrupt(std::uint64_t offset, const char* what) {
  const files::file_name name(op_.file->id);
  state().notify(event::kind::data_corrupt,
                 name.text() + ", offset " + std::to_string(offset) + ": " + what,
                 op_.file->id.number, offset, errc::corrupt);
  fail(errc::corrupt);
}

// Claims work that other reads may want too. On std::bad_alloc nothing has happened.
bool framed_read::try_lead(const frame_key& work) {
  leads_.reserve(leads_.size() + 1);
  if (!waits_->try_lead(work)) return false;
  leads_.push_back(work);
  return true;
}

void framed_read::land(const frame_key& work, const decoded_frame& result) noexcept {
  if (std::erase(leads_, work) != 0) waits_->land(work, result);
}

// The reads that wait then do the work themselves.
void framed_read::give_up_leads() noexcept {
  for (const frame_key& work : leads_) waits_->land(work, nullptr);
  leads_.clear();
}

frame_key framed_read::key_of(const codec::placed_frame& frame) const noexcept {
  return {op_.file->serial, frame.stored_start};
}

// No frame begins at this offset.
frame_key framed_read::key_of_look() const noexcept {
  return {op_.file->serial, std::numeric_limits<std::uint64_t>::max()};
}

}  // namespace conduit::detail
