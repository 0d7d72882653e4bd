// `ffdb recover` on the torn stores of the Python original, and what `recover` and `verify` say of
// a damaged one.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/ffdb.hpp"
#include "codec/frame_index.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/golden_store.hpp"
#include "support/zstd_files.hpp"

namespace conduit::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> torn_stores() {
  std::vector<std::string> names;
  for (const fs::directory_entry& store : fs::directory_iterator(golden_stores())) {
    const std::string name = store.path().filename().string();
    if (name.starts_with("zstd-torn-")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void copy_store(const std::string& name, const scratch_store& at) {
  fs::copy(golden_stores() / name / "data", at.store());
  for (const fs::directory_entry& file : fs::directory_iterator(at.store()))
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

// All blobs of the original's manifest, exported by the program, have the hashes that the manifest
// names.
void check_blobs(const scratch_store& at, const std::string& store, const std::string& to) {
  const std::vector<manifest_entry> entries = read_manifest(store);
  REQUIRE(entries.size() > 10);
  std::string lines;
  for (std::size_t i = 0; i < entries.size(); ++i)
    lines += entries[i].where.to_string() + "\t" + std::to_string(i) + "\n";
  const program_result exported =
      at.run("export", {"--manifest", at.write(to + ".tsv", lines), "--to", at.path(to)});
  INFO(exported.err);
  REQUIRE(exported.status == 0);
  std::vector<std::string> blobs;
  for (std::size_t i = 0; i < entries.size(); ++i)
    blobs.push_back(scratch_store::read(at.path(to + "/" + std::to_string(i))));
  const std::vector<std::string> hashes = sha256_of(blobs, at.path(to + "-hashed"));
  REQUIRE(hashes.size() == entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) CHECK(hashes[i] == entries[i].sha256);
}

std::vector<fs::path> data_files(const scratch_store& at) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& file : fs::directory_iterator(at.store()))
    files.push_back(file.path());
  std::sort(files.begin(), files.end());
  return files;
}

// A store of two compressed files, with the frames of the second.
struct damaged_store {
  damaged_store() {
    at.put(content_of(100'000, 1), {"--compression", "zstd"});
    REQUIRE(at.run("roll").status == 0);
    at.put(content_of(700'000, 2), {"--compression", "zstd"});
    const std::vector<fs::path> files = data_files(at);
    REQUIRE(files.size() == 2);
    file = files[1].native();
    frames = table_in(file);
    REQUIRE(frames.count() > 8);
  }

  void damage(std::size_t frame) const {
    scratch_store::damage(file, frames[frame].stored_start + frames[frame].sizes.stored / 2);
  }

  scratch_store at;
  std::string file;
  codec::frame_index frames;
};

}  // namespace

TEST_CASE("a dry run of recover on a torn store says what is torn and changes no byte",
          "[cli][golden]") {
  const std::vector<std::string> stores = torn_stores();
  REQUIRE(stores.size() >= 4);
  for (const std::string& store : stores) {
    CAPTURE(store);
    const scratch_store at;
    copy_store(store, at);
    const auto before = at.everything();
    const program_result result = at.run("recover", {"--dry-run"});
    CHECK(result.status == 0);
    REQUIRE(result.lines().size() == 1);
    CHECK(result.out.starts_with("data file 1: torn behind frame "));
    CHECK(result.out.find("would cut off ") != std::string::npos);
    CHECK(at.everything() == before);
  }
}

TEST_CASE(
    "recover mends a torn store once, and every blob of its manifest is served before and after",
    "[cli][golden]") {
  for (const std::string& store : torn_stores()) {
    CAPTURE(store);
    const scratch_store at;
    copy_store(store, at);
    check_blobs(at, store, "before");
    const std::string promised = at.run("recover", {"--dry-run"}).out;
    CHECK(at.run("verify").status == 3);

    const program_result mended = at.run("recover");
    CHECK(mended.status == 0);
    const std::string place = promised.substr(0, promised.find(": would"));
    CHECK(mended.out.starts_with(place + ": cut off "));
    for (const fs::path& file : data_files(at)) CHECK(table_in(file).count() > 0);
    CHECK(at.run("verify").status == 0);
    check_blobs(at, store, "after");

    const auto after = at.everything("store");
    for (const arguments& words : std::vector<arguments>{{}, {"--dry-run"}}) {
      const program_result again = at.run("recover", words);
      CHECK(again.status == 0);
      CHECK(again.out.find("nothing to do") != std::string::npos);
      CHECK(at.everything("store") == after);
    }
  }
}

TEST_CASE(
    "verify --json names file, frame and offset of a fault in the middle of a compressed file",
    "[cli]") {
  const damaged_store store;
  for (const std::size_t frame :
       {store.frames.count() / 2, std::size_t{0}, store.frames.count() - 1}) {
    CAPTURE(frame);
    const std::string whole = scratch_store::read(store.file);
    store.damage(frame);
    const program_result result = store.at.run("verify", {"--json"});
    CHECK(result.status == 3);
    const nlohmann::json faults = nlohmann::json::parse(result.out)["faults"];
    REQUIRE(faults.size() == 1);
    CHECK(faults[0]["file"] == 1);
    CHECK(faults[0]["frame"] == frame);
    CHECK(faults[0]["offset"] == store.frames[frame].stored_start);
    CHECK_FALSE(faults[0]["error"].get<std::string>().empty());
    write_file(store.file, whole);
    CHECK(store.at.run("verify", {"--json"}).status == 0);
  }
}

TEST_CASE("verify --json names each of two faults", "[cli]") {
  const damaged_store store;
  store.damage(2);
  store.damage(5);
  const nlohmann::json faults =
      nlohmann::json::parse(store.at.run("verify", {"--json"}).out)["faults"];
  REQUIRE(faults.size() == 2);
  CHECK(faults[0]["frame"] == 2);
  CHECK(faults[1]["frame"] == 5);
}

TEST_CASE("recover leaves a damaged file as it is, and says where it is damaged", "[cli]") {
  const damaged_store store;
  store.damage(4);
  const auto before = store.at.everything("store");
  const program_result result = store.at.run("recover");
  CHECK(result.status == 3);
  CHECK(result.out.find("cannot be mended") != std::string::npos);
  CHECK(result.out.find(std::to_string(store.frames[4].stored_start)) != std::string::npos);
  CHECK(store.at.everything("store") == before);
}

}  // namespace conduit::test
