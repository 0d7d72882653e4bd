// The second half of a framed read: the frames are known, and are read and decoded chunk by chunk.
#include <conduit/error.hpp>

#include <algorithm>
#include <asio/error.hpp>
#include <cassert>
#include <chrono>
#include <cstring>
#include <new>

#include "base/os_error.hpp"
#include "base/retries.hpp"
#include "get/framed_read.hpp"
#include "get/inline_limits.hpp"

namespace conduit::detail {

namespace {

// The limits of one chunk of a slice of many frames: memory for its stored bytes, and bytes that
// the loop's thread copies out of the frame cache. A larger frame is a chunk of its own.
constexpr std::uint64_t chunk_stored_bytes = 8U << 20;
constexpr std::uint64_t chunk_plain_bytes = 32U << 20;
// Frames that the decoding threads read from the page cache themselves need no memory: the limits
// are the list of the frames, and again the bytes out of the frame cache. At the end of a chunk the
// threads fall asleep, and the kernel wakes them on one processor: slices of 64 MiB in chunks of 8
// MiB stored came at 0.83 of the rate of one chunk.
constexpr std::uint64_t long_chunk_plain_bytes = 256U << 20;
constexpr std::size_t long_chunk_frames = 8192;
// Then the threads decode frames of other reads.
constexpr std::chrono::milliseconds pool_turn{8};
// Decoding this much takes about as long as a hop to another thread and back.
constexpr std::uint64_t decode_here_bytes = 64U << 10;
// If the pool has no room the loop's thread takes its share, but blocks no longer than a
// millisecond.
constexpr std::uint64_t decode_share_bytes = 256U << 10;

}  // namespace

void framed_read::start_chunks() {
  if (op_.own_memory && op_.destination == nullptr && op_.length != 0) {
    if (!with_memory([this] { op_.bytes = blob(op_.length); })) return;
    op_.destination = op_.bytes.data();
  }
  next_chunk();
}

void framed_read::next_chunk() {
  chunk_.parts.clear();
  found_.clear();
  if (position_ == end_) {
    step_ = step::finished;
    op_.served_inline = inline_only_;
    // Nothing may complete inside the initiation.
    return op_.how == finish::immediate ? where().disk->complete_later(op_) : op_.conclude();
  }
  if (!with_memory([this] { plan_chunk(); })) return;
  if (chunk_.parts.empty()) return serve_followed();
  read_chunk();
}

void framed_read::plan_chunk() {
  // An attempt on the page cache makes the kernel read ahead, and keep that.
  tries_page_cache_ = !state().how.read_once && where().inline_reads.may_try();
  const std::uint64_t plain_max = tries_page_cache_ ? long_chunk_plain_bytes : chunk_plain_bytes;
  const std::uint64_t plain_start = position_;
  const bool is_long = tries_page_cache_ && end_ - plain_start > chunk_plain_bytes;
  static_cast<void>(known_->find(position_, std::min(end_, position_ + plain_max), found_));
  const codec::placed_frame& first = found_.front();
  std::uint64_t copied = 0;
  for (const codec::placed_frame& frame : found_) {
    const bool fits = frame.stored_end() - first.stored_start <= chunk_stored_bytes &&
                      frame.plain_end() - plain_start <= chunk_plain_bytes;
    const bool may_follow = tries_page_cache_ && frame.plain_end() <= end_ &&
                            chunk_.parts.size() < long_chunk_frames && copied <= chunk_plain_bytes;
    // Other reads may wait for the first frame: it does not wait for a long chunk.
    if (is_long && !chunk_.parts.empty() && chunk_.parts.front().keep) break;
    if (&frame != &first && !fits && !may_follow) break;
    const std::size_t parts = chunk_.parts.size();
    add_part(frame);
    if (chunk_.parts.size() == parts) copied += frame.sizes.plain;
    position_ = std::min(end_, frame.plain_end());
  }
}

// The engine reads the frames: leaves those for which there is no memory to the next chunk. These
// are whole ones, which no other read waits for.
void framed_read::shorten_chunk(std::vector<frame_part>::iterator first) {
  const auto beyond = std::find_if(first + 1, chunk_.parts.end(), [first](const frame_part& part) {
    return part.frame.stored_end() - first->frame.stored_start > chunk_stored_bytes;
  });
  if (beyond == chunk_.parts.end()) return;
  assert(std::all_of(beyond, chunk_.parts.end(),
                     [](const frame_part& part) { return part.whole() && !part.keep; }));
  position_ = beyond->frame.plain_start;
  chunk_.parts.erase(beyond, chunk_.parts.end());
}

// Serves the frame from the cache, follows another read that is decoding it, or adds it to the
// chunk.
void framed_read::add_part(const codec::placed_frame& frame) {
  frame_part part;
  part.frame = frame;
  const std::uint64_t begin = std::max(frame.plain_start, start_);
  part.skip = static_cast<std::uint32_t>(begin - frame.plain_start);
  part.size = static_cast<std::size_t>(std::min(frame.plain_end(), end_) - begin);
  part.to = op_.destination + (begin - start_);
  part.read_elsewhere = op_.read_elsewhere;
  frame_cache& cache = state().decoded_frames;
  if (!cache.admits(frame.sizes.plain)) return chunk_.parts.push_back(std::move(part));
  if (const decoded_frame bytes = cache.find(key_of(frame))) {
    where().reads.cache_hits.add(1);
    return serve(part, *bytes);
  }
  if (part.whole())
    return chunk_.parts.push_back(
        std::move(part));  // straight to its destination: nobody else needs a copy
  followed_.reserve(followed_.size() + 1);
  if (!try_lead(key_of(frame))) return followed_.push_back(std::move(part));
  where().reads.cache_misses.add(1);
  part.keep = std::make_shared<blob>(frame.sizes.plain);
  chunk_.parts.push_back(std::move(part));
}

void framed_read::serve(const frame_part& part, const blob& bytes) noexcept {
  std::memcpy(part.to, bytes.data() + part.skip, part.size);
}

// ---- its stored bytes

// If recent reads were hits, the decoding threads also read the frames.
void framed_read::read_chunk() {
  if (tries_page_cache_ && chunk_.from_page_cache(*where().disk, op_.file->fd())) return decode();
  read_stored();
}

// One read of all frames that are not decoded yet, which may wait for the disk.
void framed_read::read_stored() {
  step_ = step::reading;
  inline_only_ = false;
  const auto undone = [](const frame_part& part) { return !part.done; };
  const auto first = std::find_if(chunk_.parts.begin(), chunk_.parts.end(), undone);
  shorten_chunk(first);
  chunk_.stored_start = first->frame.stored_start;
  stored_end_ =
      std::find_if(chunk_.parts.rbegin(), chunk_.parts.rend(), undone)->frame.stored_end();
  const auto size = static_cast<std::size_t>(stored_end_ - chunk_.stored_start);
  if (chunk_.stored.size() < size) {
    chunk_.stored = blob();
    if (!with_memory([&] { chunk_.stored = blob(size); })) return;
  }
  chunk_.from_memory();
  op_.transferred = 0;
  op_.retries = 0;
  attempt();
}

// One transfer, from the end of the last one.
void framed_read::attempt() {
  op_.what = io_request::kind::read;
  op_.fd = op_.file->fd();
  op_.fixed = op_.file->fixed();
  op_.data = chunk_.stored.data() + op_.transferred;
  op_.offset = chunk_.stored_start + op_.transferred;
  op_.size =
      std::min<std::size_t>(static_cast<std::size_t>(stored_end_ - op_.offset), transfer_bytes_max);
  op_.once = is_read_once(state().how, op_.size);
  where().disk->start(op_);
}

void framed_read::transferred() {
  if (abandoned() && op_.result <= 0) return fail(asio::error::operation_aborted);
  if (tries_again(op_.result, op_.retries)) return attempt();
  if (op_.result < 0) return fail(os_error(op_.result));
  if (op_.result == 0) {
    // The file is shorter than its frames.
    return op_.reopened
               ? fail_corrupt(chunk_.stored_start + op_.transferred, "the file ends within a frame")
               : reopen();
  }
  op_.transferred += static_cast<std::size_t>(op_.result);
  if (chunk_.stored_start + op_.transferred < stored_end_) return attempt();
  decode();
}

// ---- its frames

// When idle, a small frame is decoded here sooner than another thread would begin. Otherwise the
// threads of the pool come first.
bool framed_read::decodes_here(std::uint64_t plain_bytes) const noexcept {
  const codec::codec_pool& pool = state().codecs;
  if (plain_bytes <= decode_here_bytes && where().disk->idle() && pool.idle()) return true;
  return plain_bytes <= decode_share_bytes && (state().decodes.wants_help() || pool.is_busy());
}

void framed_read::decode() {
  step_ = step::decoding;
  if (decodes_here(chunk_.plain_bytes())) {
    chunk_.work(op_.abandoned, where().reads);
    return decoded();
  }
  inline_only_ = false;
  where().port.send_away(op_);
  workers_.store(1, std::memory_order_relaxed);
  if (chunk_.share_count() > 1) return decode_in_pool();
  if (state().decodes.push(op_, decode_queued)) return;
  chunk_.work(op_.abandoned, where().reads);
  where().port.take_back(op_);
  decoded();
}

// Several threads can decode the chunk at once. This one, which posts, counts as one of them.
void framed_read::decode_in_pool() {
  codec::codec_pool& pool = state().codecs;
  std::size_t posted = 0;
  const std::size_t wanted = std::min<std::size_t>(pool.threads(), chunk_.share_count());
  while (posted < wanted && (posted == 0 || pool.has_room()) && add_worker()) ++posted;
  if (posted == 0) chunk_.work(op_.abandoned, where().reads);
  if (workers_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  where().port.take_back(op_);
  decoded();
}

// False if there is no memory or no thread for one more: the others do all the work.
bool framed_read::add_worker() noexcept {
  workers_.fetch_add(1, std::memory_order_relaxed);
  try {
    state().codecs.post([this] { work_in_pool(); });
    return true;
  } catch (const std::exception&) {
    // The caller counts, too.
    workers_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
}

void framed_read::decode_queued(completion& read) noexcept {
  static_cast<get_op&>(read).framed->work_in_pool();
}

void framed_read::work_in_pool() noexcept {
  io::completion_port& port = where().port;
  while (chunk_.work(op_.abandoned, where().reads, pool_turn)) {
    if (comes_again()) return;
  }
  // The last thread delivers; for all others the operation may be gone from here on.
  if (workers_.fetch_sub(1, std::memory_order_acq_rel) == 1) port.deliver(op_);
}

// Other reads had the threads when the chunk began: one that is free by now joins in. False if
// there is no memory for another task.
bool framed_read::comes_again() noexcept try {
  if (state().codecs.has_room()) static_cast<void>(add_worker());
  state().codecs.post([this] { work_in_pool(); });
  return true;
} catch (const std::exception&) {
  return false;
}

void framed_read::decoded() {
  if (abandoned()) return fail(asio::error::operation_aborted);
  if (chunk_.missed()) {
    where().inline_reads.miss();
    return read_stored();
  }
  if (chunk_.reads_page_cache()) where().inline_reads.hit();
  if (const frame_part* const failed = chunk_.failed()) {
    if (failed->error != errc::corrupt) return fail(failed->error);
    if (!op_.reopened) return reopen();
    return fail_corrupt(failed->frame.stored_start,
                        "the frame that begins here is not what was stored");
  }
  for (frame_part& part : chunk_.parts) {
    if (!part.keep) continue;
    const decoded_frame bytes = std::move(part.keep);
    state().decoded_frames.insert(key_of(part.frame), bytes);
    land(key_of(part.frame), bytes);
  }
  serve_followed();
}

// Serves the frames that other reads were decoding, now that nobody waits for this read any more:
// two reads cannot wait for each other.
void framed_read::serve_followed() {
  while (!followed_.empty()) {
    const frame_part& part = followed_.back();
    const frame_key key = key_of(part.frame);
    const decoded_frame bytes = followed_bytes_ ? std::exchange(followed_bytes_, nullptr)
                                                : state().decoded_frames.find(key);
    if (bytes) {
      where().reads.cache_hits.add(1);
      serve(part, *bytes);
      followed_.pop_back();
      continue;
    }
    // The other read failed or was cancelled, or the cache is too busy to keep a frame for this
    // long.
    bool leads = false;
    bool follows = false;
    const bool had_memory = with_memory([&] {
      leads = try_lead(key);
      if (leads) return take_over_followed();
      step_ = step::following_frame;
      inline_only_ = false;
      follows = waits_->follow(key, op_, where().port, followed_bytes_, op_.abandoned);
    });
    if (!had_memory || follows) return;  // in both cases the operation may be gone
    if (leads) return read_chunk();
    if (abandoned()) return fail(asio::error::operation_aborted);
  }
  next_chunk();
}

void framed_read::take_over_followed() {
  where().reads.cache_misses.add(1);
  frame_part part = std::move(followed_.back());
  followed_.pop_back();
  part.keep = std::make_shared<blob>(part.frame.sizes.plain);
  chunk_.parts.clear();
  chunk_.parts.push_back(std::move(part));
}

}  // namespace conduit::detail
