// Counts the descriptors of this process that are open on a file.
#pragma once

#include <sys/stat.h>

#include <filesystem>

namespace conduit::test {

// -1 where there is no such file.
inline int descriptors_of(const std::filesystem::path& file) {
  struct stat wanted{};
  if (::stat(file.c_str(), &wanted) != 0) return -1;
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    struct stat found{};
    if (::fstat(fd, &found) == 0 && found.st_dev == wanted.st_dev && found.st_ino == wanted.st_ino)
      ++count;
  }
  return count;
}

}  // namespace conduit::test
