// Reads of compressed files: small slices whose frames are decoded for each of them, the same from
// the frame cache, and a large slice.
#include <zstd.h>

#include <algorithm>
#include <span>
#include <stdexcept>

#include "bare_codec.hpp"
#include "comparison.hpp"
#include "filled_store.hpp"
#include "known_frames.hpp"

namespace conduit::bench {
namespace {

constexpr unsigned coroutine_count = 32;
constexpr std::uint64_t large_slice_bytes = 64U << 20;

sample coroutines(const flat_file_db& db, asio::io_context& context, data_location whole,
                  double seconds) {
  access_pattern pattern(filled_store::file_bytes, 1);
  stint time(seconds);
  run_coroutines(context, coroutine_count,
                 [&](unsigned) { return read_slices(db, whole, pattern, time); });
  return time.result();
}

// The covering frame is read and decoded, and the slice lies in there.
sample bare_slices(int fd, const known_frames& frames, unsigned seed, double seconds) {
  access_pattern pattern(filled_store::file_bytes, seed);
  bare_decoder decoder;
  std::vector<char> stored(ZSTD_compressBound(frames.frame_bytes()));
  std::vector<char> plain(frames.frame_bytes());
  stint time(seconds);
  do {
    const codec::placed_frame& frame = frames.covering(pattern.next());
    const ssize_t count =
        ::pread(fd, stored.data(), frame.sizes.stored, static_cast<off_t>(frame.stored_start));
    require(count == static_cast<ssize_t>(frame.sizes.stored), "pread");
    decoder.decode(stored.data(), frame.sizes.stored, plain.data(), plain.size());
  } while (time.next());
  return time.result();
}

void small_slices(const settings& wanted, const filled_store& store, const known_frames& frames) {
  options how = store.how();
  how.frame_cache_bytes = 0;
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, how);
  const file_descriptor first(store.data_file(), O_RDONLY);
  const file_descriptor second(store.data_file(), O_RDONLY);
  compare(
      wanted, 15, "compressed get_into, 32 coroutines / bare, two threads", {0.95},
      [&] { return coroutines(db, context, store.whole(), wanted.seconds); },
      [&] {
        return on_two_threads([&](unsigned index) {
          return bare_slices(index == 0 ? first.get() : second.get(), frames, 1U + index,
                             wanted.seconds);
        });
      },
      [&] { store.warm(); });
}

// A slice of each frame: what takes a frame as a whole leaves it to its caller alone.
asio::awaitable<void> fill_cache(flat_file_db db, data_location whole, std::size_t frame_bytes) {
  const block_memory memory;
  for (std::uint64_t offset = 0; offset < whole.end; offset += frame_bytes) {
    const slice part{offset, offset + block_bytes};
    co_await db.get_into(whole, part, memory.buffer());
  }
}

// Both sides are ours: only the form differs.
void cached_slices(const settings& wanted, const scratch_directory& scratch,
                   const filled_store& store, const known_frames& frames) {
  const filled_store plain_store(wanted, scratch);
  options how = store.how();
  how.frame_cache_bytes = 2 * filled_store::file_bytes;
  asio::io_context context;
  asio::io_context plain_context;
  const flat_file_db db = flat_file_db::open(context, how);
  const flat_file_db plain_db = flat_file_db::open(plain_context, plain_store.how());
  run_coroutines(context, 1,
                 [&](unsigned) { return fill_cache(db, store.whole(), frames.frame_bytes()); });
  const std::uint64_t misses = db.stats().cache_misses;
  compare(
      wanted, 16, "compressed get_into, frame cache / plain get_into", {0.9},
      [&] { return coroutines(db, context, store.whole(), wanted.seconds); },
      [&] { return coroutines(plain_db, plain_context, plain_store.whole(), wanted.seconds); },
      [&] { plain_store.warm(); });
  if (db.stats().cache_misses != misses)
    throw std::runtime_error("row 16: the cache did not hold all frames");
}

asio::awaitable<void> read_large_slices(flat_file_db db, data_location whole, std::span<char> to,
                                        access_pattern& starts, stint& time) {
  const asio::mutable_buffer memory(to.data(), to.size());
  do {
    const std::uint64_t start = starts.next();
    const slice part{start, start + large_slice_bytes};
    co_await db.get_into(whole, part, memory);
  } while (time.next());
}

// Where a slice of that size may start.
access_pattern large_slice_starts(unsigned seed) {
  return {filled_store::file_bytes - large_slice_bytes, seed};
}

// The frames of one slice after the other, from memory to memory. Each thread decodes slices of its
// own: neither waits for the other.
sample bare_decoding(std::span<const char> stored, const known_frames& frames, std::span<char> to,
                     unsigned seed, double seconds) {
  access_pattern starts = large_slice_starts(seed);
  bare_decoder decoder;
  stint time(seconds, ~0ULL, 1);
  do {
    const std::uint64_t start = starts.next();
    const std::size_t begin = start / frames.frame_bytes();
    const std::size_t end =
        (start + large_slice_bytes + frames.frame_bytes() - 1) / frames.frame_bytes();
    for (std::size_t i = begin; i < end; ++i) {
      const codec::placed_frame& frame = frames[i];
      char* const at = to.data() + (i - begin) * frames.frame_bytes();
      decoder.decode(stored.data() + frame.stored_start, frame.sizes.stored, at,
                     frames.frame_bytes());
    }
  } while (time.next());
  return time.result();
}

void large_slice(const settings& wanted, const filled_store& store, const known_frames& frames) {
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, store.how());
  const file_descriptor file(store.data_file(), O_RDONLY);
  std::vector<char> stored(frames[frames.count() - 1].stored_end());
  require(
      ::pread(file.get(), stored.data(), stored.size(), 0) == static_cast<ssize_t>(stored.size()),
      "pread");
  // A slice that begins and ends within frames has one frame more.
  std::vector<char> ours(large_slice_bytes + frames.frame_bytes());
  std::vector<char> others(ours.size());
  // A sample shall be many slices, which take some 50 ms each.
  const double seconds = std::max(wanted.seconds, 1.0);
  compare(
      wanted, 17, "compressed get_into of 64 MiB / bare decoding, two threads", {0.95},
      [&] {
        access_pattern starts = large_slice_starts(1);
        stint time(seconds, ~0ULL, 1);
        run_coroutines(context, 1, [&](unsigned) {
          return read_large_slices(db, store.whole(), ours, starts, time);
        });
        return time.result();
      },
      [&] {
        return on_two_threads([&](unsigned index) {
          return bare_decoding(stored, frames, index == 0 ? ours : others, 1U + index, seconds);
        });
      },
      [&] { store.warm(); });
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  const filled_store store(wanted, scratch, compression::zstd);
  const file_descriptor file(store.data_file(), O_RDONLY);
  const known_frames frames(file.get());
  print_header();
  if (wanted.wants(15)) small_slices(wanted, store, frames);
  if (wanted.wants(16)) cached_slices(wanted, scratch, store, frames);
  if (wanted.wants(17)) large_slice(wanted, store, frames);
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {15, 16, 17}, conduit::bench::run);
}
