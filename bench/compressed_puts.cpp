// Puts of a compressed store: large ones against two threads that do nothing but compress, and
// 30,000 small ones, one at a time, against the first 1,000 of them.
#include <zstd.h>

#include <algorithm>
#include <chrono>

#include "bare_codec.hpp"
#include "comparison.hpp"
#include "filled_store.hpp"
#include "mixed_text.hpp"

namespace conduit::bench {
namespace {

constexpr std::size_t large_blob_bytes = 1U << 20;
constexpr std::size_t large_blob_count = 32;
// Some 100 MiB of a sample reach the page cache: the kernel does not write back yet.
constexpr std::uint64_t large_puts_max = 256;

constexpr std::size_t small_puts = 30'000;
constexpr std::size_t row_of_puts = 1'000;

options compressed(const settings& wanted, const std::filesystem::path& directory) {
  options result(directory);
  result.backend = wanted.backend;
  result.compression = compression::zstd;
  return result;
}

// Blobs of one size, one after the other, from more memory than a processor's caches hold.
class text_source {
 public:
  text_source(const std::vector<char>& text, std::size_t blob_bytes, std::size_t first = 0)
      : text_(text), blob_bytes_(blob_bytes), index_(first) {}

  asio::const_buffer next() {
    const std::size_t at = index_++ * blob_bytes_ % text_.size();
    return {text_.data() + at, blob_bytes_};
  }

 private:
  const std::vector<char>& text_;
  std::size_t blob_bytes_;
  std::size_t index_;
};

asio::awaitable<void> put_blobs(flat_file_db db, text_source& source, stint& time) {
  do {
    const asio::const_buffer blob = source.next();
    co_await db.put(blob);
  } while (time.next());
}

asio::awaitable<void> put_one(flat_file_db db, text_source& source) {
  const asio::const_buffer blob = source.next();
  co_await db.put(blob);
}

asio::awaitable<void> remove_what_was_put(flat_file_db db) {
  const std::uint32_t next = co_await db.roll();
  co_await db.delete_before(next);
}

// Each sample begins a file, with a put that is no part of the comparison.
sample large_puts(asio::io_context& context, const flat_file_db& db, text_source& source,
                  unsigned putters, double seconds) {
  run_coroutines(context, 1, [&](unsigned) { return put_one(db, source); });
  stint time(seconds, large_puts_max, 1);
  run_coroutines(context, putters, [&](unsigned) { return put_blobs(db, source, time); });
  const sample found = time.result();
  run_coroutines(context, 1, [&](unsigned) { return remove_what_was_put(db); });
  return found;
}

// The same frames of the same blobs, into memory that is used again and again. Each thread has
// blobs of its own.
sample bare_encoding(text_source source, double seconds) {
  const std::size_t frame_bytes = options().frame_bytes;
  bare_encoder encoder;
  std::vector<char> stored(ZSTD_compressBound(frame_bytes));
  stint time(seconds, large_puts_max, 1);
  do {
    asio::const_buffer rest = source.next();
    while (rest.size() != 0) {
      const std::size_t size = std::min(rest.size(), frame_bytes);
      encoder.encode(static_cast<const char*>(rest.data()), size, stored.data(), stored.size());
      rest += size;
    }
  } while (time.next());
  return time.result();
}

void large(const settings& wanted, const scratch_directory& scratch,
           const std::vector<char>& text) {
  asio::io_context context;
  options how = compressed(wanted, scratch / "large");
  how.max_file_size = 1ULL << 40;  // the yardstick begins no second file either
  const flat_file_db db = flat_file_db::open(context, how);
  text_source source(text, large_blob_bytes);
  for (const unsigned putters : {1U, 8U}) {
    compare(
        wanted, 12,
        "compressed puts of 1 MiB, putters: " + std::to_string(putters) + " / bare, two threads",
        {0.95}, [&] { return large_puts(context, db, source, putters, wanted.seconds); },
        [&] {
          return on_two_threads([&](unsigned index) {
            return bare_encoding(text_source(text, large_blob_bytes, index * large_blob_count / 2),
                                 wanted.seconds);
          });
        },
        [] {});
  }
}

using moment = std::chrono::steady_clock::time_point;

asio::awaitable<void> timed_puts(flat_file_db db, text_source& source, std::vector<moment>& ends) {
  co_await put_one(db, source);  // creates the file
  ends.push_back(std::chrono::steady_clock::now());
  for (std::size_t i = 0; i < small_puts; ++i) {
    co_await put_one(db, source);
    ends.push_back(std::chrono::steady_clock::now());
  }
}

// All rows of so many puts, wherever they begin; those that begin the next file are among them.
void small(const settings& wanted, const scratch_directory& scratch,
           const std::vector<char>& text) {
  text_source source(text, block_bytes);
  paired means_us;
  for (unsigned round = 0; round <= wanted.pairs; ++round) {
    asio::io_context context;
    const flat_file_db db = flat_file_db::open(
        context, compressed(wanted, scratch / ("small" + std::to_string(round))));
    std::vector<moment> ends;
    ends.reserve(small_puts + 1);
    run_coroutines(context, 1, [&](unsigned) { return timed_puts(db, source, ends); });
    run_coroutines(context, 1, [&](unsigned) { return remove_what_was_put(db); });
    if (round == 0) continue;
    const auto mean_from = [&](std::size_t begin) {
      return std::chrono::duration<double, std::micro>(ends[begin + row_of_puts] - ends[begin])
                 .count() /
             row_of_puts;
    };
    double worst = 0;
    for (std::size_t begin = 0; begin + row_of_puts < ends.size(); ++begin)
      worst = std::max(worst, mean_from(begin));
    means_us.ours.push_back(worst);
    means_us.yardstick.push_back(mean_from(0));
  }
  print_comparison(wanted, 14, "30,000 compressed puts: worst 1,000 in a row / first 1,000",
                   {1.25, measure::time}, means_us, {});
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  const std::vector<char> text = mixed_bytes(large_blob_count * large_blob_bytes, 1);
  print_header();
  if (wanted.wants(12)) large(wanted, scratch, text);
  if (wanted.wants(14)) small(wanted, scratch, text);
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {12, 14}, conduit::bench::run);
}
