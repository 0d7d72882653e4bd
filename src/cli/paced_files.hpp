// Files that were written and that the kernel has not yet brought to the disk: kept to a bound.
// Gigabytes of them at once would fill the disk's queue, and whoever appends to a store on the same
// disk would wait behind it.
#pragma once

#include <cstdint>
#include <deque>

#include "base/unique_fd.hpp"

namespace conduit::cli {

class paced_files {
 public:
  // A file with its last byte. Beyond the bound this writes the oldest ones to the disk, little at
  // a time, and waits for that. Nothing is made durable, and nothing is left to do at the end: what
  // is below the bound is the kernel's.
  void add(unique_fd file, std::uint64_t bytes);

 private:
  struct entry {
    unique_fd file;
    std::uint64_t bytes;
    std::uint64_t written = 0;
  };

  void write_some();

  std::deque<entry> files_;
  std::uint64_t bytes_ = 0;
};

}  // namespace conduit::cli
