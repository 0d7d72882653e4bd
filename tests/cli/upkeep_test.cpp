// `ffdb roll`, `delete` and `recover`, and foreign objects among the data files.
#include <filesystem>
#include <sys/stat.h>

#include "cli/ffdb.hpp"
#include "support/catch.hpp"

namespace conduit::test {

TEST_CASE("roll prints the number of the new mutable file", "[cli]") {
  const scratch_store at;
  const std::string location = at.put("before");
  const program_result roll = at.run("roll");
  CHECK(roll.status == 0);
  CHECK(roll.out == "1\n");
  CHECK(at.put("after").starts_with("1:"));
  CHECK(at.get(location).out == "before");
}

TEST_CASE("roll --at-least skips the numbers below", "[cli]") {
  const scratch_store at;
  at.put("before");
  CHECK(at.run("roll", {"--at-least", "40"}).out == "40\n");
  CHECK(at.run("roll", {"--at-least", "7"}).out == "41\n");
  CHECK(at.put("after").starts_with("41:"));
}

TEST_CASE("delete removes a sealed file and prints nothing", "[cli]") {
  const scratch_store at;
  const std::string gone = at.put("gone");
  at.run("roll");
  const std::string kept = at.put("kept");
  const program_result result = at.run("delete", {"0"});
  CHECK(result.status == 0);
  CHECK(result.out.empty());
  CHECK_FALSE(std::filesystem::exists(at.data_file(0)));
  CHECK(at.get(gone).status == 4);
  CHECK(at.get(kept).out == "kept");
  CHECK(at.run("delete", {"0"}).status == 4);
}

TEST_CASE("the mutable file cannot be deleted and that is exit status 1", "[cli]") {
  const scratch_store at;
  const std::string location = at.put("kept");
  CHECK(at.run("delete", {"0"}).status == 1);
  CHECK(at.get(location).out == "kept");
}

TEST_CASE("recover has nothing to do in a plain store", "[cli]") {
  const scratch_store at;
  at.put(content_of(5000));
  const auto before = at.everything("store");
  for (const arguments& words : std::vector<arguments>{{}, {"--dry-run"}}) {
    const program_result result = at.run("recover", words);
    CHECK(result.status == 0);
    CHECK(result.out.find("nothing to do") != std::string::npos);
    CHECK(at.everything("store") == before);
  }
}

TEST_CASE("a foreign object under a data file's name is not opened and does not stop the store",
          "[cli]") {
  const scratch_store at;
  const std::string location = at.put("ours");
  const std::string secret = at.write("secret", "not ours");
  const std::string name = at.data_file(3);
  SECTION("a symbolic link") { std::filesystem::create_symlink(secret, name); }
  SECTION("a FIFO") { REQUIRE(::mkfifo(name.c_str(), 0600) == 0); }
  SECTION("a directory") { std::filesystem::create_directory(name); }

  const program_result foreign = at.get("3:0-3");
  CHECK(foreign.status == 4);
  CHECK(foreign.out.empty());
  CHECK(at.get(location).out == "ours");
  CHECK(at.run("verify").status == 0);
  CHECK(at.run("ls").out.find("3\t") != 0);

  // The mutable file is the highest regular one, the next number lies above all names.
  CHECK(at.put("more").starts_with("0:"));
  CHECK(at.run("roll").out == "4\n");
  CHECK(at.run("delete", {"3"}).status == 4);
  CHECK(std::filesystem::exists(std::filesystem::symlink_status(name)));
}

TEST_CASE("a foreign object under the name of a sealed file is not opened", "[cli]") {
  const scratch_store at;
  const std::string location = at.put("ours");
  REQUIRE(at.run("roll").status == 0);
  std::filesystem::remove(at.data_file(0));
  REQUIRE(::mkfifo(at.data_file(0).c_str(), 0600) == 0);
  CHECK(at.get(location).status == 4);
  CHECK(at.put("more").starts_with("1:"));
}

TEST_CASE("other names in the directory are ignored", "[cli]") {
  const scratch_store at;
  const std::string location = at.put("ours");
  at.write("store/notes.txt", "x");
  at.write("store/data_7.dat", "x");
  at.write("store/data_00000003.dat.bak", "x");
  CHECK(at.run("ls").lines().size() == 1);
  CHECK(at.put("more").starts_with("0:"));
  CHECK(at.get(location).out == "ours");
}

}  // namespace conduit::test
