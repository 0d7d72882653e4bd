#include "files/file_name.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace conduit::test {

namespace {

using files::file_id;
using files::file_name;
using files::parse_file_name;

constexpr auto number_max = std::numeric_limits<std::uint32_t>::max();

}  // namespace

TEST_CASE("a file's name has at least eight digits and tells its form") {
  CHECK(file_name(0).text() == "data_00000000.dat");
  CHECK(file_name(7).text() == "data_00000007.dat");
  CHECK(file_name(7, file_form::zstd).text() == "data_00000007.dat.zst");
  CHECK(file_name(99'999'999).text() == "data_99999999.dat");
  CHECK(file_name(100'000'000).text() == "data_100000000.dat");
  CHECK(file_name(number_max, file_form::zstd).text() == "data_4294967295.dat.zst");
}

TEST_CASE("every name that is written is understood") {
  for (const std::uint32_t number : {0U, 1U, 42U, 99'999'999U, 100'000'000U, number_max}) {
    for (const file_form form : {file_form::plain, file_form::zstd}) {
      const file_id file{number, form};
      CHECK(parse_file_name(file_name(file).text()) == file);
    }
  }
}

TEST_CASE("every other name is foreign") {
  using namespace std::string_view_literals;
  const std::vector<std::string_view> foreign{
      "",
      ".",
      "..",
      "data_",
      "data_.dat",
      ".dat",
      "data_7.dat",
      "data_0000007.dat",
      "data_000000007.dat",   // nine digits that need no ninth
      "data_0100000000.dat",  //
      "data_4294967296.dat",  // one too many
      "data_99999999999.dat",
      "data_00000007",
      "data_00000007.",
      "data_00000007.zst",
      "data_00000007.dat.zst.zst",
      "data_00000007.dat.bak",
      "data_00000007.dat~",
      "data_00000007.DAT",
      "data_00000007.dat.ZST",
      "DATA_00000007.dat",
      "xdata_00000007.dat",
      "data-00000007.dat",
      "data_ 0000007.dat",
      "data_+0000007.dat",
      "data_-0000007.dat",
      "data_0000000x.dat",
      "data_0x000007.dat",
      "data_00000007 .dat",
      "data_00000007.dat\0"sv,
      "data_0000000\0.dat"sv,
      "notes.txt",
      "../data_00000007.dat"};
  for (const std::string_view name : foreign) {
    CAPTURE(std::string(name));
    CHECK_FALSE(parse_file_name(name));
  }
}

}  // namespace conduit::test
