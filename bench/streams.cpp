// A large blob read as a stream: a plain one with a pread loop into the same memory, a compressed
// one with two threads that only decode its frames.
#include <asio/error.hpp>
#include <asio/read.hpp>
#include <asio/redirect_error.hpp>

#include <algorithm>
#include <stdexcept>

#include "bare_codec.hpp"
#include "comparison.hpp"
#include "filled_store.hpp"
#include "known_frames.hpp"

namespace conduit::bench {
namespace {

constexpr std::uint64_t large_blob_bytes = 1ULL << 30;
// As much as `asio::async_read` asks for at a time.
constexpr std::size_t buffer_bytes = 64U << 10;

struct large_blob {
  options how;
  data_location location;
  std::filesystem::path file;
};

asio::awaitable<void> fill(flat_file_db db, const std::vector<char>& content,
                           data_location& location) {
  const std::vector<asio::const_buffer> parts(large_blob_bytes / content.size(),
                                              asio::const_buffer(content.data(), content.size()));
  location = co_await db.put(parts);
  co_await db.sync();
  co_await db.roll();
}

large_blob store_large_blob(const settings& wanted, const scratch_directory& scratch,
                            compression form) {
  const bool plain = form == compression::none;
  large_blob stored{options(scratch / (plain ? "plain" : "compressed")), {}, {}};
  stored.how.backend = wanted.backend;
  stored.how.compression = form;
  stored.file = stored.how.data_directory / (plain ? "data_00000000.dat" : "data_00000000.dat.zst");
  const std::vector<char> content = plain ? random_bytes(16U << 20, 1) : mixed_bytes(16U << 20, 1);
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, stored.how);
  run_one(context, fill(db, content, stored.location));
  return stored;
}

asio::awaitable<std::uint64_t> read_through(flat_file_db db, data_location location,
                                            asio::mutable_buffer to) {
  blob_reader reader = db.open_reader(location);
  std::uint64_t sum = 0;
  for (std::error_code error; !error;) {
    sum += co_await asio::async_read(reader, to, asio::redirect_error(asio::use_awaitable, error));
    if (error && error != asio::error::eof) throw std::system_error(error);
  }
  co_return sum;
}

// Mebibytes a second.
template <typename Read>
sample timed(Read read) {
  stint time(0);
  const std::uint64_t bytes = read();
  const sample one = time.result_for(static_cast<double>(bytes) / (1U << 20));
  if (bytes != large_blob_bytes) throw std::runtime_error("not all of the blob was read");
  return one;
}

sample streamed(const flat_file_db& db, asio::io_context& context, const large_blob& stored,
                const block_memory& memory) {
  return timed([&] {
    return run_one(context,
                   read_through(db, stored.location, asio::buffer(memory.at(0), buffer_bytes)));
  });
}

sample pread_through(int fd, const block_memory& memory) {
  return timed([&] {
    std::uint64_t sum = 0;
    while (sum < large_blob_bytes) {
      const ssize_t count = ::pread(fd, memory.at(0), buffer_bytes, static_cast<off_t>(sum));
      require(count > 0, "pread");
      sum += static_cast<std::uint64_t>(count);
    }
    return sum;
  });
}

// From memory to memory, each thread every other frame, into as much memory as in row 17.
sample decoded(std::span<const char> stored, const known_frames& frames, std::span<char> to) {
  return timed([&] {
    const auto decode = [&](std::size_t first) {
      bare_decoder decoder;
      const std::size_t places = to.size() / frames.frame_bytes();
      for (std::size_t i = first; i < frames.count(); i += 2) {
        const codec::placed_frame& frame = frames[i];
        decoder.decode(stored.data() + frame.stored_start, frame.sizes.stored,
                       to.data() + i % places * frames.frame_bytes(), frames.frame_bytes());
      }
    };
    std::thread second([&] { decode(1); });
    decode(0);
    second.join();
    return large_blob_bytes;
  });
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  const block_memory memory(buffer_bytes / block_bytes);
  print_header();
  if (wanted.wants(26)) {
    const large_blob stored = store_large_blob(wanted, scratch, compression::none);
    const file_descriptor file(stored.file, O_RDONLY);
    asio::io_context context;
    const flat_file_db db = flat_file_db::open(context, stored.how);
    compare(
        wanted, 26, "plain blob of 1 GiB as a stream, MiB/s / pread loop", {0.85},
        [&] { return streamed(db, context, stored, memory); },
        [&] { return pread_through(file.get(), memory); }, [] {});
  }
  if (wanted.wants(27)) {
    const large_blob stored = store_large_blob(wanted, scratch, compression::zstd);
    const file_descriptor file(stored.file, O_RDONLY);
    const known_frames frames(file.get());
    std::vector<char> bytes(frames[frames.count() - 1].stored_end());
    require(
        ::pread(file.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
        "pread");
    std::vector<char> plain(64U << 20);
    asio::io_context context;
    const flat_file_db db = flat_file_db::open(context, stored.how);
    compare(
        wanted, 27, "compressed blob of 1 GiB as a stream, MiB/s / two threads", {0.85},
        [&] { return streamed(db, context, stored, memory); },
        [&] { return decoded(bytes, frames, plain); }, [] {});
  }
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {26, 27}, conduit::bench::run);
}
