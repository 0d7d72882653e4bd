// Kills and appends in turns on a compressed store: what stands there after each of them is read by
// the zstd program.
#include <catch2/catch.hpp>

#include "support/process_kill_and_append.hpp"
#include "support/store_fixture.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

TEST_CASE("after each of 20 kills and the next put the zstd program reads every data file",
          "[processes]") {
  const temporary_directory directory;
  kill_and_append_settings how;
  how.store = options_in(directory);
  how.store.max_file_size = 1U << 20U;
  how.rounds = 20;
  how.seed = 20241122;
  const kill_and_append_outcome outcome = kill_and_append(how).run();
  INFO("seed " << how.seed);
  for (const std::string& failure : outcome.failures) UNSCOPED_INFO(failure);
  CHECK(outcome.failures.empty());
  CHECK(outcome.kills == how.rounds);
  CHECK(outcome.kills_within_writes == 5);
  // Of those five two lost the lock record besides.
  CHECK(outcome.mended >= 3);
  CHECK(outcome.recovered == 2);
  CHECK(outcome.blobs > 2 * how.rounds);
  CHECK(outcome.files_checked >= how.rounds);
}

}  // namespace conduit::test
