// The lock between processes that put without pause, and between them and a process of the Python
// original, which polls for it.
#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

#include "support/process_original.hpp"
#include "support/process_putters.hpp"
#include "support/sanitizers.hpp"
#include "support/store_fixture.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {
namespace {

putters_settings putters_in(const temporary_directory& directory, durability wanted) {
  putters_settings how;
  how.store = options_in(directory);
  how.store.durability = wanted;
  how.store.max_file_size = 8U << 20U;
  return how;
}

void require_fair_shares(const std::vector<std::uint64_t>& counts) {
  const std::uint64_t sum = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  const std::uint64_t fair = sum / counts.size();
  REQUIRE(fair > 0);
  for (const std::uint64_t count : counts) {
    INFO(count << " of " << sum << " puts");
    CHECK(count >= fair / 2);
  }
}

// The waits of an original for the lock, the shortest first.
std::vector<double> waits_beside(const putters_settings& how,
                                 const temporary_directory& directory) {
  putter_processes putters(how);
  original_process original(how.store.data_directory, directory / "store.lock",
                            how.store.max_file_size);
  std::vector<double> seconds = numbers_of<double>(original.ask("wait 8 20"));
  CHECK(putters.stop());
  REQUIRE(seconds.size() == 8);
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

}  // namespace

TEST_CASE("each of four processes that put without pause gets at least half its fair share",
          "[processes]") {
  const temporary_directory directory;
  putters_settings how = putters_in(directory, durability::none);
  how.processes = 4;
  putter_processes putters(how);
  const std::vector<std::uint64_t> counts = putters.count_for(std::chrono::seconds(2));
  CHECK(putters.stop());
  require_fair_shares(counts);
}

TEST_CASE("each of four processes that put durably without pause gets at least half its fair share",
          "[processes]") {
  const temporary_directory directory;
  putters_settings how = putters_in(directory, durability::fdatasync);
  how.processes = 4;
  how.coroutines = 64;
  putter_processes putters(how);
  const std::vector<std::uint64_t> counts = putters.count_for(std::chrono::seconds(2));
  CHECK(putters.stop());
  require_fair_shares(counts);
}

TEST_CASE(
    "a Python process that polls for the lock gets it beside a process that puts without pause",
    "[processes]") {
  const temporary_directory directory;
  putters_settings how = putters_in(directory, GENERATE(durability::none, durability::fdatasync));
  how.coroutines = GENERATE(1U, 64U);
  INFO(how.coroutines << " putters");
  const std::vector<double> seconds = waits_beside(how, directory);
  // Under a sanitizer the same machine does a tenth of the work: there it only has to get the lock.
  CHECK(seconds[seconds.size() / 2] <= (sanitized ? 5 : 0.5));
  CHECK(seconds.back() <= (sanitized ? 20 : 3));
}

TEST_CASE(
    "a Python process that polls for the lock gets it beside three processes that put without "
    "pause",
    "[processes]") {
  const temporary_directory directory;
  putters_settings how = putters_in(directory, durability::none);
  how.processes = 3;
  const std::vector<double> seconds = waits_beside(how, directory);
  // The three do not rest at the same time: the original waits longer than beside one.
  CHECK(seconds.back() <= 20);
}

}  // namespace conduit::test
