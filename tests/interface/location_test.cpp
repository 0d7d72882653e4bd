// data_location: its bytes, its text, and everything that is neither.
#include <catch2/catch.hpp>
#include <conduit/data_location.hpp>
#include <conduit/error.hpp>

#include <array>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace conduit::test {

namespace {

constexpr data_location sample{0x01020304, 0x9f86d081, 0x1112131415161718, 0x2122232425262728};
constexpr std::array<unsigned char, 24> sample_bytes{
    0x04, 0x03, 0x02, 0x01, 0x81, 0xd0, 0x86, 0x9f, 0x18, 0x17, 0x16, 0x15,
    0x14, 0x13, 0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21};

constexpr auto u32_max = std::numeric_limits<std::uint32_t>::max();
constexpr auto u64_max = std::numeric_limits<std::uint64_t>::max();

std::error_code parse_error(std::string_view text) {
  std::error_code error;
  const data_location found = data_location::parse(text, error);
  if (error && found != data_location{})
    return std::make_error_code(std::errc::state_not_recoverable);
  return error;
}

std::error_code decode_error(std::span<const std::byte> bytes) {
  std::error_code error;
  data_location::decode(bytes, error);
  return error;
}

}  // namespace

TEST_CASE("a location is encoded to 24 fixed little-endian bytes and decoded from them") {
  static_assert(std::is_trivially_copyable_v<data_location>);
  const auto bytes = sample.encode();
  REQUIRE(bytes.size() == sample_bytes.size());
  CHECK(std::memcmp(bytes.data(), sample_bytes.data(), bytes.size()) == 0);
  CHECK(data_location::decode(bytes) == sample);
}

TEST_CASE("locations of extreme numbers survive encoding and text") {
  const std::vector<data_location> all{{},
                                       {u32_max, u32_max, u64_max, u64_max},
                                       {0, 0, 0, u64_max},
                                       {u32_max, 1, 0, 0},
                                       {7, 0x0000000a, 4096, 8192}};
  for (const data_location& one : all) {
    CAPTURE(one.to_string());
    CHECK(data_location::decode(one.encode()) == one);
    CHECK(data_location::parse(one.to_string()) == one);
  }
}

TEST_CASE("bytes that are no location are refused") {
  const auto good = sample.encode();
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(decode_error(std::span(good).first(size)) == errc::bad_location);
  }
  std::vector<std::byte> longer(good.begin(), good.end());
  longer.push_back(std::byte{0});
  CHECK(decode_error(longer) == errc::bad_location);
  CHECK(decode_error({}) == errc::bad_location);
  const auto backwards = data_location{1, 0, 10, 9}.encode();
  CHECK(decode_error(backwards) == errc::bad_location);
  CHECK_THROWS_AS(data_location::decode(backwards), std::system_error);
}

TEST_CASE("a location decodes after a failure without the old error") {
  std::error_code error = errc::bad_location;
  CHECK(data_location::decode(sample.encode(), error) == sample);
  CHECK_FALSE(error);
  error = errc::bad_location;
  CHECK(data_location::parse("1:2-3", error) == data_location{1, 0, 2, 3});
  CHECK_FALSE(error);
}

TEST_CASE("the size of a location is that of its blob and never wraps around") {
  CHECK(data_location{0, 0, 10, 25}.size() == 15);
  CHECK(data_location{0, 0, 10, 10}.size() == 0);
  CHECK(data_location{0, 0, 10, 9}.size() == 0);
  CHECK(data_location{0, 0, 0, u64_max}.size() == u64_max);
}

TEST_CASE("a location is written as text with its checksum where one is known") {
  CHECK(data_location{7, 0x9f86d081, 4096, 8192}.to_string() == "7:4096-8192#9f86d081");
  CHECK(data_location{7, 0, 4096, 8192}.to_string() == "7:4096-8192");
  CHECK(data_location{7, 0xab, 0, 0}.to_string() == "7:0-0#000000ab");
  CHECK(data_location{u32_max, u32_max, u64_max, u64_max}.to_string() ==
        "4294967295:18446744073709551615-18446744073709551615#ffffffff");
}

TEST_CASE("text that is a location is understood") {
  CHECK(data_location::parse("7:4096-8192#9f86d081") == data_location{7, 0x9f86d081, 4096, 8192});
  CHECK(data_location::parse("0:0-0") == data_location{});
  CHECK(data_location::parse("4294967295:0-18446744073709551615#00000001") ==
        data_location{u32_max, 1, 0, u64_max});
}

TEST_CASE("every malformed text is refused") {
  using namespace std::string_view_literals;
  const std::vector<std::string_view> malformed{
      "",
      " ",
      "7",
      "7:",
      "7:1",
      "7:1-",
      "7:1-2#",
      "7:-2",
      ":1-2",
      "7:2-1",                              // ends before it starts
      "7:18446744073709551615-0",           // the same, by far
      "4294967296:0-0",                     // one more than a file number
      "7:18446744073709551616-0",           // one more than an offset
      "7:0-18446744073709551616",           //
      "99999999999999999999999999999:0-0",  //
      "-7:1-2",                             // signs
      "+7:1-2",                             //
      "7:+1-2",                             //
      "7:1-+2",                             //
      "7:1--2",                             //
      "07:1-2",                             // leading zeros
      "7:01-2",                             //
      "7:1-02",                             //
      "00:0-0",                             //
      " 7:1-2",                             // spaces
      "7 :1-2",                             //
      "7: 1-2",                             //
      "7:1 -2",                             //
      "7:1-2 ",                             //
      "7:1-2\n",                            //
      "7:1-2\t#9f86d081",                   //
      "7:1-2#9f86d08",                      // seven digits
      "7:1-2#9f86d0811",                    // nine digits
      "7:1-2#9F86D081",                     // upper case
      "7:1-2#9f86d08g",                     // no digit
      "7:1-2#0x86d081",                     //
      "7:1-2#-f86d081",                     //
      "7:1-2# f86d081",                     //
      "7:1-2#00000000",                     // the checksum that means none
      "7:1-2##9f86d081",                    //
      "7:1-2#9f86d081#9f86d081",            //
      "7:1-2#9f86d081 ",                    //
      "7:1-29f86d081",                      //
      "7;1-2",                              //
      "7:1:2",                              //
      "7:1-2-3",                            //
      "7.0:1-2",                            //
      "7:1e3-2000",                         //
      "0x7:1-2",                            //
      "a:1-2",                              //
      "7:a-2",                              //
      "7:1-a",                              //
      "../7:1-2",                           // what a path would look like
      "/etc/passwd",                        //
      "data_00000007.dat:1-2",              //
      "7:1-2\0"sv,                          // NUL
      "7\0:1-2"sv,                          //
      "\0"sv,                               //
      "7:1-2#9f86d08\0"sv,                  //
      "\xEF\xBC\x97:1-2",                   // a digit of another script
      "\xEF\xBB\xBF"
      "7:1-2",  // a byte order mark
  };
  for (const std::string_view text : malformed) {
    CAPTURE(std::string(text));
    CHECK(parse_error(text) == errc::bad_location);
  }
  CHECK(parse_error(std::string(1U << 16, '7')) == errc::bad_location);
  CHECK_THROWS_AS(data_location::parse("7"), std::system_error);
}

TEST_CASE("no text with one character changed is taken for what it was") {
  const std::string good = "12:4096-8192#9f86d081";
  const data_location meant = data_location::parse(good);
  std::size_t tried = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string changed = good;
      changed[i] = static_cast<char>(c);
      if (changed == good) continue;
      ++tried;
      std::error_code error;
      const data_location found = data_location::parse(changed, error);
      // Either refused, or another location, which is written exactly so.
      if (error ? error != errc::bad_location : (found == meant || found.to_string() != changed))
        FAIL(changed);
    }
  }
  CHECK(tried > 1000);
}

}  // namespace conduit::test
