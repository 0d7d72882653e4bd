// Counts the descriptors of this process that are open on a file.
#pragma once

#include <filesystem>
#include <system_error>

namespace conduit::test {

// Asks the kernel by path: other threads may open and close descriptors meanwhile.
inline int descriptors_of(const std::filesystem::path& file) {
  const std::filesystem::path wanted = std::filesystem::canonical(file);
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry, gone) == wanted) ++count;
  }
  return count;
}

}  // namespace conduit::test
