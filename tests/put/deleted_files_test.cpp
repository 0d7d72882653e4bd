// The space of a deleted file comes back although nobody synced it.
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;
namespace fs = std::filesystem;

namespace {

// How many descriptors this process has open on deleted data files of the machine.
std::size_t deleted_files_held(const machine& host) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the descriptor of this very listing
    const std::string target = fs::read_symlink(entry.path(), gone).native();
    if (target.starts_with(host.how.data_directory.native()) && target.ends_with(" (deleted)"))
      ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("a writer lets go of files that it wrote, never synced and deleted") {
  machine host;
  process writer = host.start();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(!writer->put("some bytes").error);
    REQUIRE(!writer->roll().error);
  }
  REQUIRE(writer->delete_before(3).value == 3);
  CHECK(deleted_files_held(host) == 0);
  CHECK(!writer->sync());
}

TEST_CASE(
    "a writer lets go of files that it wrote, never synced and another process deleted, with its "
    "next put") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  REQUIRE(!writer->roll().error);
  {
    process other = host.start();
    REQUIRE(!other->delete_file(0));
  }
  REQUIRE(!writer->put("more bytes").error);
  CHECK(deleted_files_held(host) == 0);
  CHECK(!writer->sync());
}
