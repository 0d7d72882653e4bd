#include "get/frame_decoding.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>

#include "codec/codec_pool.hpp"

namespace conduit::detail {

namespace {

// One block of zstd: decoding less of it costs as much as all of it, and without its checksum.
constexpr std::size_t block_bytes = 128U << 10;

// Where small frames go of which only a part is wanted and nothing is kept.
std::span<std::byte> scratch_of_thread(std::size_t size) {
  thread_local std::vector<std::byte> own;
  if (own.size() < size) own.resize(size);
  return std::span(own).first(size);
}

}  // namespace

void frame_decoding::prepare() noexcept {
  next_.store(0, std::memory_order_relaxed);
  failed_.store(false, std::memory_order_relaxed);
}

void frame_decoding::work(const std::atomic<bool>& stop, read_counters& counters) noexcept {
  using clock = std::chrono::steady_clock;
  const clock::time_point begin = clock::now();
  std::uint64_t decoded = 0;
  for (;;) {
    if (stop.load(std::memory_order_relaxed) || failed_.load(std::memory_order_relaxed)) break;
    const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
    if (index >= parts.size()) break;
    parts[index].error = decode(parts[index]);
    if (parts[index].error) failed_.store(true, std::memory_order_relaxed);
    ++decoded;
  }
  counters.frames_decoded.fetch_add(decoded, std::memory_order_relaxed);
  counters.decode_ns.fetch_add(static_cast<std::uint64_t>(std::chrono::nanoseconds(clock::now() - begin).count()),
                               std::memory_order_relaxed);
}

std::error_code frame_decoding::decode(const frame_part& part) const noexcept {
  const std::span<const std::byte> bytes =
      stored.bytes().subspan(static_cast<std::size_t>(part.frame.stored_start - stored_start), part.frame.sizes.stored);
  const std::span<std::byte> to(part.to, part.size);
  codec::decoder& own = codec::decoder_of_thread();
  if (part.keep) {
    const std::error_code error = own.decode_whole(bytes, {part.keep->data(), part.keep->size()});
    if (!error) std::memcpy(part.to, part.keep->data() + part.skip, part.size);
    return error;
  }
  if (part.whole()) return own.decode_whole(bytes, to);
  if (part.frame.sizes.plain > block_bytes) return own.decode_range(bytes, part.frame.sizes.plain, part.skip, to);
  try {
    const std::span<std::byte> all = scratch_of_thread(part.frame.sizes.plain);
    const std::error_code error = own.decode_whole(bytes, all);
    if (!error) std::memcpy(part.to, all.data() + part.skip, part.size);
    return error;
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
}

const frame_part* frame_decoding::failed() const noexcept {
  const auto found = std::find_if(parts.begin(), parts.end(), [](const frame_part& part) { return bool(part.error); });
  return found == parts.end() ? nullptr : &*found;
}

std::uint64_t frame_decoding::plain_bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const frame_part& part : parts) sum += part.frame.sizes.plain;
  return sum;
}

}  // namespace conduit::detail
