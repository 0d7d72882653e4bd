#include "get/frame_decoding.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>

#include "codec/codec_pool.hpp"

namespace conduit::detail {

namespace {

// One zstd block: decoding a part of it costs as much as all of it, and skips the checksum.
constexpr std::size_t block_bytes = 128U << 10;

// The plain bytes that a thread takes at once if frames are smaller: one read for all of them.
constexpr std::uint64_t share_plain_bytes = 64U << 10;
// The most stored bytes that a thread reads at once; each thread keeps memory for it. The engine
// reads frames that need more.
constexpr std::uint64_t share_stored_bytes_max = 512U << 10;

// Memory of a thread, reused.
std::span<std::byte> grown(std::vector<std::byte>& own, std::size_t size) {
  if (own.size() < size) own.resize(size);
  return std::span(own).first(size);
}

// Scratch memory for small frames of which only a part is wanted and nothing is kept, or whose
// bytes go where another processor has read. A decoder writes a few bytes at a time, and would
// fetch each line of such memory; a copy writes whole lines. That makes a stream a fifth faster.
std::span<std::byte> scratch_of_thread(std::size_t size) {
  thread_local std::vector<std::byte> own;
  return grown(own, size);
}

std::span<std::byte> stored_of_thread(std::size_t size) {
  thread_local std::vector<std::byte> own;
  return grown(own, size);
}

std::error_code decode(const frame_part& part, std::span<const std::byte> stored) noexcept {
  const std::span<std::byte> to(part.to, part.size);
  codec::decoder& own = codec::decoder_of_thread();
  if (part.keep) {
    const std::error_code error = own.decode_whole(stored, {part.keep->data(), part.keep->size()});
    if (!error) std::memcpy(part.to, part.keep->data() + part.skip, part.size);
    return error;
  }
  const bool apart = part.read_elsewhere && part.frame.sizes.plain <= block_bytes;
  if (part.whole() && !apart) return own.decode_whole(stored, to);
  if (part.frame.sizes.plain > block_bytes)
    return own.decode_range(stored, part.frame.sizes.plain, part.skip, to);
  try {
    const std::span<std::byte> all = scratch_of_thread(part.frame.sizes.plain);
    const std::error_code error = own.decode_whole(stored, all);
    if (!error) std::memcpy(part.to, all.data() + part.skip, part.size);
    return error;
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
}

}  // namespace

void frame_decoding::prepare(io::file_io* disk, int fd) noexcept {
  disk_ = disk;
  fd_ = fd;
  share_ = static_cast<std::size_t>(std::max<std::uint64_t>(
      1, share_plain_bytes * parts.size() / std::max<std::uint64_t>(1, plain_bytes())));
  next_.store(0, std::memory_order_relaxed);
  failed_.store(false, std::memory_order_relaxed);
  missed_.store(false, std::memory_order_relaxed);
}

void frame_decoding::from_memory() noexcept { prepare(nullptr, -1); }

bool frame_decoding::from_page_cache(io::file_io& disk, int fd) noexcept {
  prepare(&disk, fd);
  return std::none_of(parts.begin(), parts.end(), [](const frame_part& part) {
    return part.frame.sizes.stored > share_stored_bytes_max;
  });
}

bool frame_decoding::halted(const std::atomic<bool>& stop) const noexcept {
  return stop.load(std::memory_order_relaxed) || failed_.load(std::memory_order_relaxed) ||
         missed();
}

bool frame_decoding::work(const std::atomic<bool>& stop, read_counters& counters,
                          std::chrono::steady_clock::duration turn) noexcept {
  using clock = std::chrono::steady_clock;
  const clock::time_point begin = clock::now();
  clock::time_point now = begin;
  std::uint64_t decoded = 0;
  bool more = false;
  while (!halted(stop)) {
    more = now - begin >= turn && next_.load(std::memory_order_relaxed) < parts.size();
    if (more) break;
    const std::size_t first = next_.fetch_add(share_, std::memory_order_relaxed);
    if (first >= parts.size()) break;
    decoded +=
        decode_share(std::span(parts).subspan(first, std::min(share_, parts.size() - first)));
    now = clock::now();
  }
  counters.frames_decoded.add(decoded);
  counters.decode_ns.add(static_cast<std::uint64_t>(std::chrono::nanoseconds(now - begin).count()));
  return more;
}

std::size_t frame_decoding::decode_share(std::span<frame_part> share) noexcept {
  const std::uint64_t start = disk_ != nullptr ? share.front().frame.stored_start : stored_start;
  const std::span<const std::byte> bytes = disk_ != nullptr ? read_share(share) : stored.bytes();
  if (bytes.empty()) {
    missed_.store(true, std::memory_order_relaxed);
    return 0;
  }
  std::size_t decoded = 0;
  for (frame_part& part : share) {
    if (part.done) continue;
    part.error =
        decode(part, bytes.subspan(static_cast<std::size_t>(part.frame.stored_start - start),
                                   part.frame.sizes.stored));
    ++decoded;
    part.done = !part.error;
    if (!part.done) {
      failed_.store(true, std::memory_order_relaxed);
      break;
    }
  }
  return decoded;
}

// Empty if the page cache does not hold all of it, for whatever reason: the read that follows will
// report errors.
std::span<const std::byte> frame_decoding::read_share(
    std::span<const frame_part> share) const noexcept {
  const std::uint64_t start = share.front().frame.stored_start;
  const std::uint64_t size = share.back().frame.stored_end() - start;
  if (size > share_stored_bytes_max) return {};
  try {
    const std::span<std::byte> to = stored_of_thread(static_cast<std::size_t>(size));
    const std::int64_t count = disk_->read_cached(fd_, to.data(), to.size(), start);
    return count == static_cast<std::int64_t>(to.size()) ? to : std::span<std::byte>();
  } catch (const std::bad_alloc&) {
    return {};
  }
}

const frame_part* frame_decoding::failed() const noexcept {
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [](const frame_part& part) { return bool(part.error); });
  return found == parts.end() ? nullptr : &*found;
}

std::uint64_t frame_decoding::plain_bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const frame_part& part : parts) sum += part.frame.sizes.plain;
  return sum;
}

}  // namespace conduit::detail
