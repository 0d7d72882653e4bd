// A writer killed at a random point, again and again: each next process finds all that was
// acknowledged, and the lock free.
#include <catch2/catch.hpp>

#include "support/process_kill_loop.hpp"
#include "support/store_fixture.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

TEST_CASE(
    "a process killed at a random point, 250 times, takes nothing with it that was acknowledged",
    "[processes]") {
  const temporary_directory directory;
  kill_loop_settings how;
  how.store = options_in(directory);
  how.store.max_file_size = 64U << 10U;
  how.store.durability = GENERATE(durability::none, durability::fdatasync);
  how.kills = how.store.durability == durability::none ? 200 : 50;
  how.seed = 31337;
  const kill_outcome outcome = kill_loop(how).run();
  INFO("seed " << how.seed);
  for (const std::string& failure : outcome.failures) UNSCOPED_INFO(failure);
  CHECK(outcome.failures.empty());
  CHECK(outcome.kills == how.kills);
  CHECK(outcome.blobs > how.kills);
  CHECK(outcome.blobs > outcome.blobs_deleted);
  CHECK(outcome.reads_checked > how.kills / 2);
}

TEST_CASE(
    "a process killed at a random point, 60 times, while sealed files are compressed behind it",
    "[processes]") {
  const temporary_directory directory;
  kill_loop_settings how;
  how.store = options_in(directory);
  how.store.compression = compression::zstd_on_seal;
  how.store.max_file_size = 32U << 10U;
  how.store.frame_bytes = 4U << 10U;
  how.kills = 60;
  how.seed = 31338;
  const kill_outcome outcome = kill_loop(how).run();
  INFO("seed " << how.seed);
  for (const std::string& failure : outcome.failures) UNSCOPED_INFO(failure);
  CHECK(outcome.failures.empty());
  CHECK(outcome.kills == how.kills);
  CHECK(outcome.blobs > outcome.blobs_deleted);
}

}  // namespace conduit::test
