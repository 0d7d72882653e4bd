#include "io/iov_cursor.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace conduit::test {

namespace {

using io::iov_cursor;

// What one write of at most `limit` bytes would move.
std::string next_bytes(const iov_cursor& from, std::size_t limit) {
  std::string bytes;
  for (unsigned i = 0; i < from.part_count() && bytes.size() < limit; ++i) {
    const iovec& part = from.parts()[i];
    bytes.append(static_cast<const char*>(part.iov_base),
                 std::min(part.iov_len, limit - bytes.size()));
  }
  return bytes;
}

}  // namespace

TEST_CASE("memory and offset advance together whatever the writes move") {
  const std::vector<std::string> blobs{"a", "", "bcd", "efghij", "", "k"};
  const std::string all = "abcdefghijk";
  for (std::size_t step = 1; step <= all.size(); ++step) {
    iov_cursor cursor;
    cursor.begin(100);
    for (const std::string& blob : blobs) cursor.add(asio::buffer(blob));
    CHECK(cursor.bytes_left() == all.size());
    std::string written;
    while (!cursor.done()) {
      REQUIRE(cursor.offset() == 100 + written.size());
      const std::string moved = next_bytes(cursor, step);
      REQUIRE_FALSE(moved.empty());
      written += moved;
      cursor.advance(moved.size());
    }
    CHECK(written == all);
    CHECK(cursor.offset() == 111);
    CHECK(cursor.bytes_left() == 0);
  }
}

TEST_CASE("nothing to write is done at once") {
  iov_cursor cursor;
  CHECK(cursor.done());
  cursor.begin(7);
  cursor.add(asio::const_buffer());
  CHECK(cursor.done());
  CHECK(cursor.part_count() == 0);
  cursor.advance(0);
  CHECK(cursor.offset() == 7);
}

TEST_CASE("one write takes no more parts than the kernel does") {
  const std::string bytes(3000, 'x');
  iov_cursor cursor;
  cursor.begin(0);
  for (const char& byte : bytes) cursor.add(asio::const_buffer(&byte, 1));
  CHECK_FALSE(cursor.fits_one_write());
  CHECK(cursor.part_count() == 1024);
  cursor.advance(1024);
  CHECK(cursor.part_count() == 1024);
  cursor.advance(1024);
  CHECK(cursor.part_count() == 952);
  CHECK(cursor.fits_one_write());
  cursor.advance(952);
  CHECK(cursor.done());
}

TEST_CASE("a cursor may be used again") {
  iov_cursor cursor;
  cursor.begin(0);
  cursor.add(asio::const_buffer("abc", 3));
  cursor.advance(2);
  cursor.begin(50);
  CHECK(cursor.done());
  cursor.add(asio::const_buffer("de", 2));
  CHECK(cursor.offset() == 50);
  CHECK(next_bytes(cursor, 10) == "de");
}

}  // namespace conduit::test
