// Bytes for tests: made from a seed, read from and written to files behind the store's back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace conduit::test {

// The same for the same seed on every machine, and incompressible.
std::string bytes_of(std::uint64_t seed, std::size_t size);

// A whole file. Throws std::system_error.
std::string read_file(const std::filesystem::path& file);
// Creates or replaces a file.
void write_file(const std::filesystem::path& file, std::string_view content);
// Writes over a part of an existing file, as a foreign hand would.
void overwrite(const std::filesystem::path& file, std::uint64_t offset, std::string_view bytes);
// Changes every bit of one byte.
void corrupt_byte(const std::filesystem::path& file, std::uint64_t offset);

}  // namespace conduit::test
