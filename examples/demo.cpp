// Imports a real directory tree into a store, reads all of it back, whole and in random slices,
// compares every byte with the tree, and says how fast it went: through io_uring, where that is
// allowed, and through threads, plain and compressed.
#include <algorithm>
#include <asio/co_spawn.hpp>
#include <chrono>
#include <conduit/flat_file_db.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
using clock_type = std::chrono::steady_clock;

constexpr unsigned coroutines = 64;  // at a time: the bound on what is in flight
constexpr std::size_t slice_count = 10'000;
constexpr std::uint64_t slice_bytes_max = 4096;
constexpr std::uint64_t slice_seed = 20'250'101;
constexpr std::uint64_t tree_bytes_max = 1ULL << 30;  // the tree is held in memory, to compare with
constexpr std::uint64_t data_file_bytes =
    32ULL << 20;  // smaller than the default, so that some files get sealed
constexpr double megabyte = 1e6;

struct source {
  fs::path path;
  std::string content;
};

struct tree {
  std::vector<source> files;
  std::uint64_t bytes = 0;
  std::size_t left_out = 0;
};

struct stored {
  const source* from = nullptr;
  conduit::data_location location;
};

struct slice_of {
  const stored* blob = nullptr;
  conduit::slice range;
};

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

void require_equal(std::span<const std::byte> read, const std::string& content, std::uint64_t start,
                   std::uint64_t size, const fs::path& path) {
  if (read.size() == size && std::memcmp(read.data(), content.data() + start, size) == 0) return;
  throw std::runtime_error(fmt::format("{}: bytes {} to {} were read back differently",
                                       path.native(), start, start + size));
}

// ---- the tree

bool read_file(const fs::path& path, std::uint64_t size, std::string& content) {
  std::ifstream file(path, std::ios::binary);
  content.resize(size);
  file.read(content.data(), static_cast<std::streamsize>(size));
  return file.gcount() == static_cast<std::streamsize>(size);
}

tree read_tree(const fs::path& root) {
  tree found;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(root, fs::directory_options::skip_permission_denied)) {
    if (entry.is_symlink() || !entry.is_regular_file()) continue;
    const std::uint64_t size = entry.file_size();
    source file{entry.path(), {}};
    if (found.bytes + size > tree_bytes_max || !read_file(file.path, size, file.content)) {
      ++found.left_out;
      continue;
    }
    found.files.push_back(std::move(file));
    found.bytes += size;
  }
  if (found.bytes == 0)
    throw std::runtime_error("there is nothing to import below " + root.native());
  return found;
}

// ---- what the coroutines do: each takes the next item until none is left

asio::awaitable<void> put_next(conduit::flat_file_db db, const tree& from, std::size_t& next,
                               std::vector<stored>& done) {
  while (next < from.files.size()) {
    const std::size_t index = next++;
    const source& file = from.files[index];
    const conduit::data_location location = co_await db.put(asio::buffer(file.content));
    done[index] = {&file, location};
  }
}

asio::awaitable<void> get_next(conduit::flat_file_db db, const std::vector<stored>& blobs,
                               std::size_t& next) {
  while (next < blobs.size()) {
    const stored& blob = blobs[next++];
    const conduit::blob back = co_await db.get(blob.location);
    require_equal(back.bytes(), blob.from->content, 0, blob.from->content.size(), blob.from->path);
  }
}

asio::awaitable<void> get_next_slice(conduit::flat_file_db db, const std::vector<slice_of>& slices,
                                     std::size_t& next, std::vector<double>& microseconds) {
  std::vector<std::byte> buffer(slice_bytes_max);
  while (next < slices.size()) {
    const slice_of& wanted = slices[next++];
    const auto start = clock_type::now();
    const std::size_t size =
        co_await db.get_into(wanted.blob->location, wanted.range, asio::buffer(buffer));
    microseconds.push_back(seconds_since(start) * 1e6);
    require_equal({buffer.data(), size}, wanted.blob->from->content, wanted.range.start,
                  wanted.range.end - wanted.range.start, wanted.blob->from->path);
  }
}

// Runs `count` coroutines made by `make` to their end and returns the seconds it took.
template <typename Make>
double run(asio::io_context& context, unsigned count, Make make) {
  const auto start = clock_type::now();
  std::exception_ptr first_failure;
  for (unsigned i = 0; i < count; ++i) {
    asio::co_spawn(context, make(), [&](const std::exception_ptr& failure) {
      if (failure && !first_failure) first_failure = failure;
    });
  }
  context.restart();
  context.run();
  if (first_failure) std::rethrow_exception(first_failure);
  return seconds_since(start);
}

// ---- the parts of the demonstration

std::vector<stored> import_tree(asio::io_context& context, const conduit::flat_file_db& db,
                                const tree& from) {
  std::vector<stored> blobs(from.files.size());
  std::size_t next = 0;
  const double seconds = run(context, coroutines, [&] { return put_next(db, from, next, blobs); });
  const double sync_seconds = run(context, 1, [&] { return db.sync(); });
  const conduit::store_stats stats = db.stats();
  const auto megabytes = static_cast<double>(from.bytes) / megabyte;
  fmt::print(
      "  put      {} blobs in {:.2f} s: {:.0f} MB/s, in {} batches, {} data files; then sync in "
      "{:.2f} s\n",
      blobs.size(), seconds, megabytes / seconds, stats.batches,
      blobs.back().location.file_number + 1, sync_seconds);
  return blobs;
}

asio::awaitable<void> print_sizes(conduit::flat_file_db db) {
  std::uint64_t plain = 0;
  std::uint64_t stored_bytes = 0;
  const std::vector<conduit::file_info> files = co_await db.files();
  for (const conduit::file_info& file : files) {
    plain += file.plain_bytes;
    stored_bytes += file.stored_bytes;
  }
  fmt::print("  on disk  {:.1f} MB of {:.1f} MB: ratio {:.2f}\n",
             static_cast<double>(stored_bytes) / megabyte, static_cast<double>(plain) / megabyte,
             static_cast<double>(plain) / static_cast<double>(stored_bytes));
}

void read_back(asio::io_context& context, const conduit::flat_file_db& db,
               const std::vector<stored>& blobs, const tree& from) {
  std::size_t next = 0;
  const double seconds = run(context, coroutines, [&] { return get_next(db, blobs, next); });
  fmt::print("  get      {} blobs in {:.2f} s: {:.0f} MB/s, all equal to their files\n",
             blobs.size(), seconds, static_cast<double>(from.bytes) / megabyte / seconds);
}

// A random part, of at most `slice_bytes_max` bytes, of a random blob that is not empty.
std::vector<slice_of> choose_slices(const std::vector<stored>& blobs) {
  std::vector<const stored*> candidates;
  for (const stored& blob : blobs) {
    if (blob.location.size() != 0) candidates.push_back(&blob);
  }
  std::mt19937_64 random(slice_seed);
  auto below = [&random](std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random);
  };
  std::vector<slice_of> slices;
  for (std::size_t i = 0; i < slice_count; ++i) {
    const stored* const blob = candidates[below(candidates.size())];
    const std::uint64_t start = below(blob->location.size());
    const std::uint64_t size = 1 + below(std::min(slice_bytes_max, blob->location.size() - start));
    slices.push_back({blob, {start, start + size}});
  }
  return slices;
}

void read_slices(asio::io_context& context, const conduit::flat_file_db& db,
                 const std::vector<slice_of>& slices, unsigned at_a_time) {
  std::vector<double> microseconds;
  microseconds.reserve(slices.size());
  std::size_t next = 0;
  const double seconds =
      run(context, at_a_time, [&] { return get_next_slice(db, slices, next, microseconds); });
  std::sort(microseconds.begin(), microseconds.end());
  fmt::print(
      "  slices   {} of up to {} bytes, {:2} at a time: {:.0f} a second; each {:.1f} us (median), "
      "{:.1f} us (99 %)\n",
      slices.size(), slice_bytes_max, at_a_time, static_cast<double>(slices.size()) / seconds,
      microseconds[microseconds.size() / 2], microseconds[microseconds.size() * 99 / 100]);
}

// Returns the backend that served.
conduit::backend demonstrate(const tree& from, const fs::path& directory, conduit::backend wanted,
                             conduit::compression form) {
  conduit::options how(directory);
  how.backend = wanted;
  how.compression = form;
  how.max_file_size = data_file_bytes;
  asio::io_context context;
  const auto db = conduit::flat_file_db::open(context, how);
  const conduit::backend served = db.stats().backend;
  fmt::print("\n{}, {} ({}), {} coroutines on one thread\n",
             form == conduit::compression::zstd ? "compressed" : "plain",
             served == conduit::backend::io_uring ? "io_uring" : "threads",
             db.stats().backend_reason, coroutines);

  const std::vector<stored> blobs = import_tree(context, db, from);
  run(context, 1, [&] { return print_sizes(db); });
  read_back(context, db, blobs, from);
  const std::vector<slice_of> slices = choose_slices(blobs);
  read_slices(context, db, slices, 1);
  read_slices(context, db, slices, coroutines);

  const conduit::store_stats stats = db.stats();
  fmt::print("  reads    {} came at once from the page cache, {} through the {}\n",
             stats.inline_reads, stats.async_reads,
             served == conduit::backend::io_uring ? "ring" : "threads");
  run(context, 1, [&] { return db.close(); });
  return served;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw std::runtime_error("usage: example_demo SOURCE_TREE SCRATCH_DIR");
  const fs::path scratch = argv[2];
  const auto start = clock_type::now();
  const tree from = read_tree(argv[1]);
  fmt::print("{}: {} files, {:.1f} MB, read into memory in {:.2f} s\n", argv[1], from.files.size(),
             static_cast<double>(from.bytes) / megabyte, seconds_since(start));
  if (from.left_out != 0)
    fmt::print("({} files were left out: unreadable, or beyond {} MB)\n", from.left_out,
               tree_bytes_max / 1'000'000);

  // Where io_uring is forbidden the first run goes through threads already.
  for (const conduit::compression form : {conduit::compression::none, conduit::compression::zstd}) {
    const fs::path directory =
        scratch / (form == conduit::compression::zstd ? "compressed" : "plain");
    fs::create_directories(directory);
    const conduit::backend served =
        demonstrate(from, directory / "automatic", conduit::backend::automatic, form);
    if (served == conduit::backend::io_uring)
      demonstrate(from, directory / "threads", conduit::backend::threads, form);
  }
  fmt::print("\nEvery blob and every slice (seed {}) equals the file it came from.\n", slice_seed);
} catch (const std::exception& error) {
  fmt::print(stderr, "demo: {}\n", error.what());
  return 1;
}
