// A reader that reads large pieces ahead: the bytes, the end of the file, and errors in between.
#include "files/passing_reader.hpp"

#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include <algorithm>
#include <cerrno>
#include <random>
#include <span>
#include <string>
#include <utility>

#include "support/bytes.hpp"
#include "support/forwarding_disk.hpp"

namespace conduit::test {

namespace {

// Holds one file in memory; reads from `bad` on fail.
class file_in_memory final : public forwarding_disk {
 public:
  explicit file_in_memory(std::string bytes) : forwarding_disk(nullptr), bytes_(std::move(bytes)) {}

  std::int64_t read(int, void* data, std::size_t size, std::uint64_t offset,
                    io::cache_use) override {
    ++reads;
    if (offset == bad) return -EIO;
    const std::uint64_t end =
        offset < bad ? std::min<std::uint64_t>(bad, bytes_.size()) : std::uint64_t{bytes_.size()};
    const std::size_t count =
        offset < end ? std::min(size, static_cast<std::size_t>(end - offset)) : 0;
    bytes_.copy(static_cast<char*>(data), count, static_cast<std::size_t>(offset));
    return static_cast<std::int64_t>(count);
  }

  std::uint64_t bad = ~0ULL;
  std::size_t reads = 0;

 private:
  std::string bytes_;
};

struct piece {
  std::error_code error;
  std::string bytes;
};

piece read_at(files::passing_reader& reader, std::uint64_t offset, std::size_t size) {
  piece found;
  found.bytes.resize(size);
  std::size_t count = 0;
  found.error = reader.read_up_to(std::as_writable_bytes(std::span(found.bytes)), offset, count);
  found.bytes.resize(count);
  return found;
}

constexpr std::size_t file_bytes = (9U << 20) + 12'345;

}  // namespace

TEST_CASE("a passing reader gives the bytes of any piece, whatever order they are wanted in") {
  const std::string bytes = bytes_of(1, file_bytes);
  file_in_memory disk(bytes);
  files::passing_reader reader(disk, 3);
  constexpr std::uint64_t seed = 7;
  std::mt19937_64 random(seed);
  std::uint64_t at = 0;
  for (int i = 0; i < 300; ++i) {
    const std::size_t size = random() % 400'000;
    CHECK(read_at(reader, at, size).bytes == bytes.substr(at, size));
    at = i % 10 == 9 ? random() % file_bytes : std::min<std::uint64_t>(at + size, file_bytes);
  }
}

TEST_CASE("a passing reader asks the disk for a small file of many pieces twice at most") {
  const std::string bytes = bytes_of(2, 100'000);
  file_in_memory disk(bytes);
  files::passing_reader reader(disk, 3);
  for (std::size_t at = 0; at < bytes.size(); at += 1000)
    CHECK(read_at(reader, at, 1000).bytes == bytes.substr(at, 1000));
  CHECK(disk.reads <= 2);
}

TEST_CASE("a passing reader ends with the file") {
  file_in_memory disk(bytes_of(3, 1000));
  files::passing_reader reader(disk, 3);
  CHECK(read_at(reader, 600, 1000).bytes.size() == 400);
  CHECK(read_at(reader, 1000, 10).bytes.empty());
  std::string none(10, '\0');
  CHECK(reader.read_exact(std::as_writable_bytes(std::span(none)), 995) == errc::corrupt);
}

TEST_CASE("a passing reader reports a bad place only to the read that needs it") {
  const std::string bytes = bytes_of(4, 100'000);
  file_in_memory disk(bytes);
  disk.bad = 50'000;
  files::passing_reader reader(disk, 3);
  CHECK(read_at(reader, 0, 50'000).bytes == bytes.substr(0, 50'000));
  CHECK(read_at(reader, 40'000, 20'000).error == std::errc::io_error);
  CHECK(read_at(reader, 50'001, 20'000).bytes == bytes.substr(50'001, 20'000));
}

}  // namespace conduit::test
