// Which files are the simulated kernel's, and where they lie: whatever stands below its root.
#pragma once

#include <cstdint>
#include <string_view>

#include "simulation/world/descriptions.hpp"

namespace conduit::simulation {

bool is_ours(int directory, const char* path) noexcept;

// Where a name is to be found: its directory, and the last part.
struct place {
  inode* directory = nullptr;
  std::string_view name;
};

place find_place(int directory, std::string_view path);
// Null where there is nothing.
inode* find(const place& where);
inode* inode_of_path(const char* path);
// Null where the descriptor is another's.
open_file* file_of(int fd) noexcept;

std::int64_t open_ours(int directory, const char* path, int flags, bool cached_only);
std::int64_t futex_ours(std::uint32_t* word, long operation, long value);

}  // namespace conduit::simulation
