#include "put/frame_batch.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include "io/awaited.hpp"

namespace conduit::detail {

namespace {

// Memory kept for the next batch.
constexpr std::size_t kept_room_max = 16U << 20;

}  // namespace

void frame_batch::plan(const plain_batch& blobs) {
  parts_.clear();
  planned_.clear();
  sizes_.clear();
  open_ = {};
  plain_bytes_ = 0;
  encode_ns_ = 0;
  auto next = blobs.parts.begin();
  for (const std::uint64_t blob_bytes : blobs.blob_bytes) {
    if (open_.plain_bytes + blob_bytes > frame_bytes_) close_frame();
    for (std::uint64_t left = blob_bytes; left != 0; ++next) {
      left -= next->size();
      for (asio::const_buffer rest = *next; rest.size() != 0;) {
        const asio::const_buffer part(rest.data(),
                                      std::min(rest.size(), frame_bytes_ - open_.plain_bytes));
        add_part(part);
        rest += part.size();
      }
    }
  }
  close_frame();
  sizes_.resize(planned_.size());
}

void frame_batch::add_part(const asio::const_buffer& part) {
  parts_.push_back(part);
  ++open_.part_count;
  open_.plain_bytes += part.size();
  plain_bytes_ += part.size();
  if (open_.plain_bytes == frame_bytes_) close_frame();
}

void frame_batch::close_frame() {
  if (open_.part_count != 0) planned_.push_back(open_);
  open_ = {};
  open_.first_part = parts_.size();
}

// Each frame gets room for its worst case, so that all frames can be encoded in parallel; the write
// gathers them.
bool frame_batch::make_room() noexcept {
  std::size_t needed = 0;
  for (planned_frame& frame : planned_) {
    frame.offset = needed;
    frame.room = codec::frame_bound(frame.plain_bytes);
    needed += frame.room;
  }
  if (needed > encoded_room_ || encoded_room_ > kept_room_max) {
    encoded_.reset(new (std::nothrow) std::byte[needed]);
    encoded_room_ = encoded_ ? needed : 0;
  }
  return needed <= encoded_room_;
}

bool frame_batch::encode_frame(std::size_t index) noexcept {
  const auto begun = std::chrono::steady_clock::now();
  const planned_frame& frame = planned_[index];
  std::span<const std::byte> plain(static_cast<const std::byte*>(parts_[frame.first_part].data()),
                                   parts_[frame.first_part].size());
  thread_local std::vector<std::byte> gathered;
  if (frame.part_count != 1) {
    try {
      gathered.resize(frame.plain_bytes);
    } catch (const std::bad_alloc&) {
      return false;
    }
    std::byte* to = gathered.data();
    for (std::size_t i = 0; i < frame.part_count; ++i) {
      const asio::const_buffer& part = parts_[frame.first_part + i];
      std::memcpy(to, part.data(), part.size());
      to += part.size();
    }
    plain = gathered;
  }
  codec::frame_sizes& sizes = sizes_[index];
  sizes.plain = static_cast<std::uint32_t>(frame.plain_bytes);
  const bool well = !codec::encoder_of_thread(level_).encode(
      plain, {encoded_.get() + frame.offset, frame.room}, sizes.stored);
  const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - begun;
  encode_ns_.fetch_add(taken.count(), std::memory_order_relaxed);
  return well;
}

void frame_batch::encode(codec::codec_pool& pool, io::completion_port& home,
                         std::function<void()> blobs_read) noexcept {
  assert(!is_busy());
  home_ = &home;
  failed_ = !make_room();
  next_frame_ = 0;
  if (failed_ || plain_bytes_ <= encode_here_max) {
    for (std::size_t index = 0; !failed_ && index < planned_.size(); ++index)
      failed_ = !encode_frame(index);
    return blobs_read();
  }
  blobs_read_ = std::move(blobs_read);
  kept_ = shared_from_this();
  waiter_ = nullptr;
  reading_ = true;
  const std::size_t count = std::min<std::size_t>(pool.threads(), planned_.size());
  workers_ = count;
  home.send_away(*this);
  for (std::size_t i = 0; i < count; ++i) {
    try {
      pool.post([this] { work(); });
    } catch (...) {
      work();  // no thread available: run it here
    }
  }
}

void frame_batch::work() noexcept {
  for (std::size_t index = next_frame_++; index < planned_.size(); index = next_frame_++) {
    if (!encode_frame(index)) failed_ = true;
  }
  if (--workers_ != 0) return;
  blobs_read_();
  reading_ = false;
  reading_.notify_all();
  // From here on the batch may be gone.
  home_->deliver(*this);
}

void frame_batch::complete() {
  const std::shared_ptr<frame_batch> own = std::move(kept_);
  if (completion* const waiter = waiter_.exchange(this)) waiter->complete();
}

void frame_batch::drop() noexcept {
  const std::shared_ptr<frame_batch> own = std::move(kept_);
  if (completion* const waiter = waiter_.exchange(this)) waiter->drop();
}

asio::awaitable<std::error_code> frame_batch::until_encoded() {
  if (waiter_ != this) {
    io::awaited<completion> waiter;
    auto begin = [this, &waiter] {
      // The variables on this stack outlive the coroutine, which another thread may resume.
      io::completion_port& home = *home_;
      completion& one = waiter;
      completion* none = nullptr;
      if (waiter_.compare_exchange_strong(none, &one)) return;
      home.send_away(one);
      home.deliver(one);
    };
    co_await waiter.until_complete(std::move(begin));
  }
  co_return failed_ ? std::make_error_code(std::errc::not_enough_memory) : std::error_code{};
}

void frame_batch::wait_until_read() noexcept { reading_.wait(true); }

std::uint64_t frame_batch::stored_bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const codec::frame_sizes& frame : sizes_) sum += frame.stored;
  return sum;
}

void frame_batch::add_to(io::iov_cursor& write) const {
  for (std::size_t index = 0; index < planned_.size(); ++index) {
    write.add(asio::const_buffer(encoded_.get() + planned_[index].offset, sizes_[index].stored));
  }
}

}  // namespace conduit::detail
