// Stores that the Python original wrote, read through the program.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/ffdb.hpp"
#include "support/catch.hpp"

namespace conduit::test {
namespace {

namespace fs = std::filesystem;

void copy_golden(const std::string& name, const scratch_store& at) {
  fs::copy(fs::path(CONDUIT_TEST_DATA_DIR) / "golden" / name / "data", at.store());
  for (const fs::directory_entry& file : fs::directory_iterator(at.store()))
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

nlohmann::json golden_manifest(const std::string& name) {
  return nlohmann::json::parse(scratch_store::read(
      (fs::path(CONDUIT_TEST_DATA_DIR) / "golden" / name / "manifest.json").native()));
}

}  // namespace

TEST_CASE("blobs of the original come out of its plain store", "[cli][golden]") {
  const scratch_store at;
  copy_golden("plain", at);
  const auto before = at.everything();
  const nlohmann::json manifest = golden_manifest("plain");
  REQUIRE_FALSE(manifest.empty());
  std::size_t empty_blobs = 0;
  for (const auto& entry : manifest) {
    const auto file = entry["file"].get<std::string>();
    const auto start = entry["start"].get<std::size_t>();
    const auto end = entry["end"].get<std::size_t>();
    const std::string location = std::to_string(std::stoul(file.substr(5))) + ":" +
                                 std::to_string(start) + "-" + std::to_string(end);
    INFO(location);
    const program_result got = at.get(location);
    CHECK(got.status == 0);
    // Nothing lies between the blobs of a plain file.
    CHECK((got.out == scratch_store::read(at.path("store/" + file)).substr(start, end - start)));
    if (start == end) ++empty_blobs;
  }
  CHECK(empty_blobs > 0);
  CHECK(at.everything() == before);
}

TEST_CASE("a plain store of the original is verified and goes on", "[cli][golden]") {
  const scratch_store at;
  copy_golden("plain", at);
  CHECK(at.run("verify").status == 0);
  CHECK(at.run("ls").lines().size() == 5);
  const std::string location = at.put("one more");
  CHECK(at.get(location).out == "one more");
}

TEST_CASE("a store that the original opened and never wrote takes blobs", "[cli][golden]") {
  const scratch_store at;
  copy_golden("plain-empty", at);
  CHECK(at.get(at.put("the first")).out == "the first");
}

}  // namespace conduit::test
