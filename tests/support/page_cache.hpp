// What the page cache holds of a file.
#pragma once

#include <cstdint>
#include <filesystem>

namespace conduit::test {

// Bytes of the file that are in memory, in whole pages.
std::uint64_t cached_bytes(const std::filesystem::path& file);

// Syncs the file and pushes it out of the page cache. False on a file system that is memory.
bool make_cold(const std::filesystem::path& file);

// The same for each file of a directory.
void make_all_cold(const std::filesystem::path& directory);

}  // namespace conduit::test
