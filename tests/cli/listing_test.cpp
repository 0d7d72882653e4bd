// `ffdb ls`, `stat` and `verify`: their lines and their JSON.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/ffdb.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"

namespace conduit::test {
namespace {

using nlohmann::json;

std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  for (const auto& entry : object.items()) keys.push_back(entry.key());
  return keys;  // sorted
}

// Two sealed files of 2000 and 3000 bytes and a mutable one of 10.
struct three_files : scratch_store {
  three_files() {
    locations.push_back(put(content_of(2000, 1), {"--max-file-size", "1K"}));
    locations.push_back(put(content_of(3000, 2), {"--max-file-size", "1K"}));
    locations.push_back(put(content_of(10, 3), {"--max-file-size", "1K"}));
  }

  std::vector<std::string> locations;
};

}  // namespace

TEST_CASE("ls prints number and form and state and sizes of each data file", "[cli]") {
  const three_files at;
  const program_result result = at.run("ls");
  CHECK(result.status == 0);
  CHECK(result.out ==
        "0\tplain\tsealed\t2000\t2000\n1\tplain\tsealed\t3000\t3000\n2\tplain\tmutable\t10\t10\n");
}

TEST_CASE("ls as JSON has the promised keys", "[cli]") {
  const three_files at;
  const program_result result = at.run("ls", {"--json"});
  CHECK(result.status == 0);
  const json list = json::parse(result.out);
  REQUIRE(list.is_array());
  REQUIRE(list.size() == 3);
  for (const json& file : list)
    CHECK(keys_of(file) ==
          std::vector<std::string>{"form", "number", "plain_bytes", "state", "stored_bytes"});
  CHECK(list[1] == json{{"number", 1},
                        {"form", "plain"},
                        {"state", "sealed"},
                        {"plain_bytes", 3000},
                        {"stored_bytes", 3000}});
  CHECK(list[2]["state"] == "mutable");
}

TEST_CASE("ls of an empty store prints nothing and as JSON an empty array", "[cli]") {
  const scratch_store at;
  std::filesystem::create_directory(at.store());
  const program_result text = at.run("ls");
  CHECK(text.status == 0);
  CHECK(text.out.empty());
  const program_result array = at.run("ls", {"--json"});
  CHECK(array.status == 0);
  CHECK(json::parse(array.out) == json::array());
}

TEST_CASE("stat as JSON has the promised keys", "[cli]") {
  const three_files at;
  const program_result result = at.run("stat", {"--json"});
  CHECK(result.status == 0);
  const json found = json::parse(result.out);
  CHECK(keys_of(found) ==
        std::vector<std::string>{"backend", "files", "plain_bytes", "ratio", "stored_bytes"});
  CHECK(found["files"] == 3);
  CHECK(found["plain_bytes"] == 5010);
  CHECK(found["stored_bytes"] == 5010);
  CHECK(found["ratio"] == 1.0);
  CHECK(found["backend"] == (backend_under_test() == backend::io_uring ? "io_uring" : "threads"));
  CHECK(at.run("stat").status == 0);
  const json each = json::parse(at.run("stat", {"--json", "--per-file"}).out);
  CHECK(each["backlog"] == 2);
  REQUIRE(each["data_files"].size() == 3);
  CHECK(each["data_files"][1] == json{{"number", 1},
                                      {"form", "plain"},
                                      {"plain_bytes", 3000},
                                      {"stored_bytes", 3000},
                                      {"ratio", 1.0}});
}

TEST_CASE("verify of a good store finds no faults", "[cli]") {
  const three_files at;
  const program_result result = at.run("verify", {"--json"});
  CHECK(result.status == 0);
  CHECK(json::parse(result.out) ==
        json{{"files", 3}, {"frames", 0}, {"blobs", 0}, {"faults", json::array()}});
  CHECK(at.run("verify").status == 0);
}

TEST_CASE("verify reads the blobs of a manifest and reports each fault", "[cli]") {
  const three_files at;
  std::string manifest;
  for (const std::string& location : at.locations) manifest += location + "\tpath\n";
  at.write("manifest", manifest);
  const program_result good = at.run("verify", {"--manifest", at.path("manifest"), "--json"});
  CHECK(good.status == 0);
  CHECK(json::parse(good.out)["blobs"] == 3);

  scratch_store::damage(at.data_file(1), 1500);
  const program_result bad = at.run("verify", {"--manifest", at.path("manifest"), "--json"});
  CHECK(bad.status == 3);
  const json found = json::parse(bad.out);
  CHECK(found["blobs"] == 3);
  REQUIRE(found["faults"].size() == 1);
  const json& fault = found["faults"][0];
  CHECK(keys_of(fault) == std::vector<std::string>{"error", "file", "frame", "offset"});
  CHECK(fault["file"] == 1);
  CHECK(fault["frame"] == 0);
  CHECK(fault["offset"] == 0);

  const program_result text = at.run("verify", {"--manifest", at.path("manifest")});
  CHECK(text.status == 3);
  CHECK(text.out.find(at.locations[1]) != std::string::npos);
}

TEST_CASE("verify finds that a file is too short for a blob of the manifest", "[cli]") {
  const three_files at;
  at.write("manifest", at.locations[0] + "\tpath\n");
  std::filesystem::resize_file(at.data_file(0), 1999);
  CHECK(at.run("verify", {"--manifest", at.path("manifest")}).status == 3);
}

}  // namespace conduit::test
