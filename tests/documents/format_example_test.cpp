// The worked example of docs/on-disk-format.md, byte for byte.
#include <array>
#include <catch2/catch.hpp>
#include <conduit/data_location.hpp>
#include <cstddef>
#include <string>

#include "documents/documents.hpp"
#include "lock/lock_record.hpp"
#include "support/bytes.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace {

document format() { return document(project_root() / "docs/on-disk-format.md"); }

template <std::size_t Size>
std::string text_of(const std::array<std::byte, Size>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), Size};
}

}  // namespace

TEST_CASE("the data file and the locations of the documented example are what the library makes") {
  const document page = format();
  machine host;
  process writer = host.start();
  const data_location first = writer->put("Hello, blob!").value;
  const data_location second = writer->put("second").value;

  CHECK(bytes_of_hexdump(page.block("hexdump data_00000000.dat").text) ==
        read_file(host.data_path(0)));
  CHECK(page.prose().find('`' + first.to_string() + '`') != std::string::npos);
  CHECK(page.prose().find('`' + second.to_string() + '`') != std::string::npos);
  CHECK(bytes_of_hexdump(page.block("hexdump location").text) == text_of(second.encode()));
}

TEST_CASE("the compressed data file of the documented example is what the library makes") {
  const document page = format();
  machine host([](options& how) { how.compression = compression::zstd; });
  process writer = host.start();
  CHECK(page.prose().find('`' + writer->put("Hello, blob!").value.to_string() + '`') !=
        std::string::npos);
  CHECK(page.prose().find('`' + writer->put("second").value.to_string() + '`') !=
        std::string::npos);
  CHECK(bytes_of_hexdump(page.block("hexdump data_00000000.dat.zst").text) ==
        read_file(host.data_path(0).string() + ".zst"));
}

TEST_CASE("the record of the documented example is what the library makes") {
  lock::lock_record record;
  for (std::size_t i = 0; i < record.boot.size(); ++i)
    record.boot[i] = static_cast<std::byte>(i + 1);
  record.device = 0xfe00;
  record.changes = 1;
  record.highest = 0;
  CHECK(bytes_of_hexdump(format().block("hexdump record").text) == text_of(record.encode()));
}

TEST_CASE(
    "the record that a new store leaves differs from the documented one only in boot and device") {
  machine host;
  {
    process writer = host.start();
    REQUIRE(!writer->put("Hello, blob!").error);
  }
  auto left = host.record();
  REQUIRE(left.has_value());
  CHECK(left->boot == host.boot());
  lock::lock_record documented;
  documented.boot = left->boot;
  documented.device = left->device;
  documented.changes = 1;
  documented.highest = 0;
  documented.end = left->end;  // 0, or exact where the put came later than the record's lag
  CHECK((left->end == 0 || left->end == 12));
  CHECK(*left == documented);
}
