// Rules 14 and 19 of the protocol on disk: what originals and two forms of a file mean for a plain
// store.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include "support/bytes.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

TEST_CASE("rule 14: readers pass over an empty plain file beside a compressed one") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  write_file(host.data_path(3), "");
  write_file(host.how.data_directory / "data_00000003.dat.zst", "a compressed file");
  data_location inside;
  inside.file_number = 3;
  inside.end = 5;
  CHECK(writer->get(inside).error == errc::corrupt);  // it is the compressed one that was read
  // And nobody writes to either.
  CHECK(writer->put("more bytes").value.file_number == 4);
  CHECK(host.size_of(3) == 0);
}

TEST_CASE("rule 19: locations in an empty low file that an original made again are no such file") {
  machine host;
  process writer = host.start();
  const auto blob = writer->put("some bytes");
  REQUIRE(writer->get(blob.value).value == "some bytes");
  REQUIRE(writer->roll().value == 1);
  REQUIRE(!writer->delete_file(0));
  write_file(host.data_path(0), "");
  CHECK(writer->get(blob.value).error == errc::no_such_file);
  CHECK(host.start()->get(blob.value).error == errc::no_such_file);
  CHECK(host.start()->get_in_coroutine(blob.value).error == errc::no_such_file);
  // It is below the mutable file: nothing is ever written there, and it may go again.
  CHECK(writer->put("more bytes").value.file_number == 1);
  CHECK(host.size_of(0) == 0);
  CHECK(!writer->delete_file(0));
}

TEST_CASE("rule 19: originals and processes of ours take turns on one plain store") {
  machine host([](options& how) { how.max_file_size = 2000; });
  process first = host.start();
  process second = host.start([](options& how) { how.durability = durability::fdatasync; });
  std::vector<std::pair<data_location, std::string>> stored;
  for (std::uint64_t round = 0; round < 60; ++round) {
    const std::string bytes = bytes_of(round, 10 + 37 * (round % 11));
    if (round % 3 == 2 && !stored.empty()) {
      // An original goes to the next file by the same rule: once this one has reached its size.
      std::uint32_t number = stored.back().first.file_number;
      if (host.size_of(number) >= 2000) ++number;
      stored.emplace_back(host.append_as_original(number, bytes), bytes);
    } else {
      const auto one = (round % 3 == 0 ? first : second)->put(bytes);
      REQUIRE(!one.error);
      stored.emplace_back(one.value, bytes);
    }
    const data_location& now = stored.back().first;
    const bool goes_on = round == 0 || (now.file_number == stored[round - 1].first.file_number &&
                                        now.start == stored[round - 1].first.end);
    const bool begins =
        round != 0 && now.file_number == stored[round - 1].first.file_number + 1 && now.start == 0;
    REQUIRE((goes_on || begins));
  }
  process reader = host.start();
  for (const auto& [where, bytes] : stored) CHECK(reader->get(where).value == bytes);
  CHECK(stored.back().first.file_number > 3);
}
