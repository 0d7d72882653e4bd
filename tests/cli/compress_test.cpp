// `ffdb compress`, and what put and import do with --compression zstd-on-seal.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/ffdb.hpp"

using namespace conduit::test;
using nlohmann::json;

namespace {

std::string compressible(char letter) {
  return content_of(20'000, static_cast<unsigned>(letter)) + std::string(30'000, letter);
}

// Files 0 and 1 are sealed and plain, file 2 is the mutable one.
struct two_sealed_files : scratch_store {
  two_sealed_files() {
    for (const char letter : {'a', 'b', 'c'}) {
      locations.push_back(put(compressible(letter)));
      if (letter != 'c') REQUIRE(run("roll").status == 0);
    }
  }

  void check_blobs() const {
    CHECK(get(locations[0]).out == compressible('a'));
    CHECK(get(locations[1]).out == compressible('b'));
    CHECK(get(locations[2]).out == compressible('c'));
  }

  std::vector<std::string> locations;
};

}  // namespace

TEST_CASE(
    "compress without numbers compresses all sealed plain files, and says number, plain and stored "
    "bytes of each",
    "[cli]") {
  const two_sealed_files at;
  const program_result result = at.run("compress");
  CHECK(result.status == 0);
  const auto lines = result.lines();
  REQUIRE(lines.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string start = std::to_string(i) + "\t50000\t";
    REQUIRE(lines[i].starts_with(start));
    CHECK(std::stoul(lines[i].substr(start.size())) ==
          std::filesystem::file_size(at.data_file(static_cast<std::uint32_t>(i)) + ".zst"));
    CHECK_FALSE(std::filesystem::exists(at.data_file(static_cast<std::uint32_t>(i))));
  }
  CHECK(std::filesystem::exists(at.data_file(2)));
  at.check_blobs();
  CHECK(at.run("verify").status == 0);
  CHECK(at.run("compress").out.empty());
}

TEST_CASE("compress takes numbers, a level and a frame size", "[cli]") {
  const two_sealed_files at;
  const program_result result =
      at.run("compress", {"1", "--level", "9", "--frame-size", "10K", "--json"});
  REQUIRE(result.status == 0);
  const json found = json::parse(result.out);
  REQUIRE(found["files"].size() == 1);
  CHECK(found["files"][0]["number"] == 1);
  CHECK(found["files"][0]["frames"] == 5);
  CHECK(found["files"][0]["level"] == 9);
  CHECK(found["sum"]["plain_bytes"] == 50'000);
  CHECK(found["sum"]["ratio"] > 1.5);
  CHECK(std::filesystem::exists(at.data_file(0)));
  at.check_blobs();
}

TEST_CASE("compress refuses the mutable file with exit status 1 and a missing one with 4",
          "[cli]") {
  const two_sealed_files at;
  CHECK(at.run("compress", {"2"}).status == 1);
  CHECK(at.run("compress", {"77"}).status == 4);
  CHECK(at.run("compress", {"first"}).status == 2);
  CHECK(std::filesystem::exists(at.data_file(2)));
}

TEST_CASE(
    "a number that stands there in both forms with different bytes is exit status 3 for compress, "
    "get and verify",
    "[cli]") {
  const two_sealed_files at;
  const std::string plain = at.read(at.data_file(0));
  REQUIRE(at.run("compress", {"0"}).status == 0);
  at.write("store/data_00000000.dat", plain);
  CHECK(at.get(at.locations[0]).status == 0);
  scratch_store::damage(at.data_file(0), 100);
  CHECK(at.get(at.locations[0]).status == 3);
  CHECK(at.get(at.locations[0]).out.empty());
  CHECK(at.run("compress", {"0"}).status == 3);
  const program_result verified = at.run("verify", {"--json"});
  CHECK(verified.status == 3);
  CHECK(json::parse(verified.out)["faults"][0]["file"] == 0);
}

TEST_CASE("import and put with zstd-on-seal end when all sealed files are compressed", "[cli]") {
  const scratch_store at;
  for (int i = 0; i < 8; ++i)
    at.write("file" + std::to_string(i), compressible(static_cast<char>('a' + i)));
  const std::string manifest = at.path("manifest");
  arguments words{"--compression", "zstd-on-seal", "--max-file-size", "80K",
                  "--frame-size",  "16K",          "--manifest",      manifest};
  for (int i = 0; i < 8; ++i) words.push_back(at.path("file" + std::to_string(i)));
  REQUIRE(at.run("import", words).status == 0);
  REQUIRE(at.run("put", {"--compression", "zstd-on-seal", "--max-file-size", "40K",
                         at.path("file0"), at.path("file1")})
              .status == 0);
  const json files = json::parse(at.run("ls", {"--json"}).out);
  REQUIRE(files.size() >= 4);
  for (std::size_t i = 0; i < files.size(); ++i)
    CHECK(files[i]["form"] == (i + 1 == files.size() ? "plain" : "zstd"));
  CHECK(at.run("verify", {"--manifest", manifest}).status == 0);
  CHECK(json::parse(at.run("stat", {"--json", "--per-file"}).out)["backlog"] == 0);
}
