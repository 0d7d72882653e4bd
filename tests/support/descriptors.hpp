// Counts the descriptors of this process that are open on a file.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

namespace conduit::test {

// Asks the kernel by number, which needs no descriptor, and by name, since other threads may open
// and close descriptors meanwhile.
inline int descriptors_of(const std::filesystem::path& file) {
  const std::filesystem::path wanted = std::filesystem::canonical(file);
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    std::error_code closed;
    const std::filesystem::path entry = "/proc/self/fd/" + std::to_string(fd);
    if (std::filesystem::read_symlink(entry, closed) == wanted) ++count;
  }
  return count;
}

}  // namespace conduit::test
