#include "put/frame_batch.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <utility>

#include "io/awaited.hpp"

namespace conduit::detail {

namespace {

// Up to this size encoding takes less time than the way to another thread and back.
constexpr std::size_t encode_here_max = 8U << 10;

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

// The state that the threads share. It lives in the coroutine frame, which waits for the last
// thread.
struct frame_batch::work {
  frame_batch& batch;
  io::completion_port& home;
  std::function<void()> blobs_read;
  io::awaited<completion> arrival{};
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> workers{0};
  std::atomic<bool> failed{false};

  void run() noexcept {
    for (std::size_t index = next++; index < batch.planned_.size(); index = next++) {
      if (!batch.encode_frame(index)) failed = true;
    }
    if (--workers != 0) return;
    blobs_read();
    home.deliver(arrival);
  }
};

asio::awaitable<std::error_code> frame_batch::encode(codec::codec_pool& pool,
                                                     io::completion_port& home,
                                                     std::function<void()> blobs_read) {
  bool well = make_room();
  if (!well || plain_bytes_ <= encode_here_max) {
    for (std::size_t index = 0; well && index < planned_.size(); ++index)
      well = encode_frame(index);
    blobs_read();
  } else {
    work shared{*this, home, std::move(blobs_read)};
    auto begin = [&shared, &pool] {
      const std::size_t count = std::min<std::size_t>(pool.threads(), shared.batch.planned_.size());
      shared.workers = count;
      shared.home.send_away(shared.arrival);
      // From here on another thread may destroy everything except the variables on this stack.
      work* const task = &shared;
      codec::codec_pool& threads = pool;
      for (std::size_t i = 0; i < count; ++i) {
        try {
          threads.post([task] { task->run(); });
        } catch (...) {
          task->run();  // no thread available: run it here
        }
      }
    };
    co_await shared.arrival.until_complete(std::move(begin));
    well = !shared.failed;
  }
  co_return well ? std::error_code{} : std::make_error_code(std::errc::not_enough_memory);
}

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
