// The arithmetic of short writes.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "io/iov_cursor.hpp"

using conduit::io::iov_cursor;

namespace {

std::string gathered(const iov_cursor& cursor) {
  std::string bytes;
  for (unsigned i = 0; i < cursor.part_count(); ++i) {
    bytes.append(static_cast<const char*>(cursor.parts()[i].iov_base), cursor.parts()[i].iov_len);
  }
  return bytes;
}

}  // namespace

TEST_CASE(
    "memory and offset of a gathered write advance together, whatever the kernel moves at a time") {
  const std::vector<std::string> blobs{"one", "", "three", "4", "", "fifth blob"};
  std::string all;
  for (const std::string& blob : blobs) all += blob;
  for (std::size_t step = 1; step <= all.size(); ++step) {
    iov_cursor cursor;
    cursor.begin(1000);
    for (const std::string& blob : blobs) cursor.add(asio::buffer(blob));
    std::size_t done = 0;
    while (!cursor.done()) {
      CHECK(cursor.offset() == 1000 + done);
      CHECK(cursor.bytes_left() == all.size() - done);
      CHECK(gathered(cursor) == all.substr(done));
      const std::size_t moved = std::min(step, all.size() - done);
      cursor.advance(moved);
      done += moved;
    }
    CHECK(cursor.part_count() == 0);
    CHECK(cursor.offset() == 1000 + all.size());
  }
}

TEST_CASE("one write takes no more parts than the kernel does") {
  const std::string byte = "x";
  iov_cursor cursor;
  cursor.begin(0);
  for (std::size_t i = 0; i < iov_cursor::parts_max + 5; ++i) cursor.add(asio::buffer(byte));
  CHECK(cursor.part_count() == iov_cursor::parts_max);
  cursor.advance(3);
  CHECK(cursor.part_count() == iov_cursor::parts_max);
  cursor.advance(iov_cursor::parts_max - 1);
  CHECK(cursor.part_count() == 3);
  cursor.begin(7);
  CHECK(cursor.done());
  CHECK(cursor.part_count() == 0);
}
