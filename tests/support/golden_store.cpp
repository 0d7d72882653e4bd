#include "support/golden_store.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>

#include "support/bytes.hpp"

namespace conduit::test {

namespace fs = std::filesystem;

fs::path golden_stores() { return fs::path(CONDUIT_TEST_DATA_DIR) / "golden"; }

std::vector<manifest_entry> read_manifest(const std::string& store) {
  std::vector<manifest_entry> entries;
  std::ifstream lines(golden_stores() / store / "manifest.json");
  for (std::string line; std::getline(lines, line);) {
    std::array<char, 65> hash{};
    manifest_entry entry;
    unsigned long long start = 0;
    unsigned long long end = 0;
    constexpr const char* layout =
        R"({"file": "data_%8u%*[^"]", "start": %llu, "end": %llu, "sha256": "%64[0-9a-f]"})";
    if (std::sscanf(line.c_str(), layout, &entry.where.file_number, &start, &end, hash.data()) != 4)
      continue;
    entry.where.start = start;
    entry.where.end = end;
    entry.sha256 = hash.data();
    entries.push_back(entry);
  }
  return entries;
}

std::vector<std::string> sha256_of(const std::vector<std::string>& blobs, const fs::path& scratch) {
  fs::create_directory(scratch);
  std::string command = "cd '" + scratch.string() + "' && sha256sum";
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    write_file(scratch / std::to_string(i), blobs[i]);
    command += " " + std::to_string(i);
  }
  const std::unique_ptr<FILE, int (*)(FILE*)> output(::popen(command.c_str(), "r"), ::pclose);
  std::vector<std::string> hashes;
  std::array<char, 256> line{};
  while (output && std::fgets(line.data(), line.size(), output.get()) != nullptr)
    hashes.emplace_back(line.data(), 64);
  return hashes;
}

void install(const machine& host, const std::string& store) {
  fs::create_directory(host.how.data_directory);
  for (const fs::directory_entry& file : fs::directory_iterator(golden_stores() / store / "data")) {
    write_file(host.how.data_directory / file.path().filename(), read_file(file.path()));
  }
}

}  // namespace conduit::test
