// Stores that the Python original wrote, and what it wrote into them: see
// tests/data/golden/README.md.
#pragma once

#include <conduit/data_location.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "support/machine.hpp"

namespace conduit::test {

std::filesystem::path golden_stores();

struct manifest_entry {
  data_location where;
  std::string sha256;
};

// One entry a line, as the original's manifests are laid out.
std::vector<manifest_entry> read_manifest(const std::string& store);

// By the program of that name: no hash library is among the tests' dependencies. Makes the
// directory `scratch`.
std::vector<std::string> sha256_of(const std::vector<std::string>& blobs,
                                   const std::filesystem::path& scratch);

// A machine with a writable copy of a golden store.
void install(const machine& host, const std::string& store);

}  // namespace conduit::test
