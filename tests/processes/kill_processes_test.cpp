// Eight processes on one store while one after another of them is killed: nothing that was
// acknowledged is lost.
#include <catch2/catch.hpp>

#include "support/process_kills.hpp"
#include "support/store_fixture.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {
namespace {

kill_settings small_figure(const temporary_directory& directory) {
  kill_settings how;
  how.store = options_in(directory);
  how.store.max_file_size = 1U << 20U;
  how.load.operations = 4000;
  how.load.window_files = 24;
  how.kill_every_operations = 200;
  how.seed = 20240607;
  return how;
}

void require_nothing_lost(const kill_outcome& outcome) {
  INFO("seed 20240607");
  for (const std::string& failure : outcome.failures) UNSCOPED_INFO(failure);
  CHECK(outcome.failures.empty());
  // Some twenty where nothing else runs. Where much does, a process takes longer to begin than the
  // others to finish.
  CHECK(outcome.kills >= 1);
  CHECK(outcome.operations >= 3500);
  CHECK(outcome.reads_checked >= 500);
  CHECK(outcome.blobs > outcome.blobs_deleted);
}

}  // namespace

TEST_CASE("eight processes lose no acknowledged blob while one after another is killed",
          "[processes]") {
  const temporary_directory directory;
  require_nothing_lost(kill_bar(small_figure(directory)).run());
}

TEST_CASE(
    "eight processes with durable puts lose no acknowledged blob while one after another is killed",
    "[processes]") {
  const temporary_directory directory;
  kill_settings how = small_figure(directory);
  how.store.durability = durability::fdatasync;
  require_nothing_lost(kill_bar(how).run());
}

TEST_CASE(
    "eight processes of a compressed store lose no acknowledged blob while one after another is "
    "killed",
    "[processes]") {
  const temporary_directory directory;
  kill_settings how = small_figure(directory);
  how.store.compression = compression::zstd;
  how.store.durability = GENERATE(durability::none, durability::fdatasync);
  require_nothing_lost(kill_bar(how).run());
}

TEST_CASE(
    "eight processes that compress sealed files lose no acknowledged blob while one after another "
    "is killed",
    "[processes]") {
  const temporary_directory directory;
  kill_settings how = small_figure(directory);
  how.store.compression = compression::zstd_on_seal;
  // So that there is much to seal.
  how.store.max_file_size = 256U << 10U;
  how.store.durability = GENERATE(durability::none, durability::fdatasync);
  require_nothing_lost(kill_bar(how).run());
}

}  // namespace conduit::test
