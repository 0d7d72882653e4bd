// A file that appears under its name only when it is whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "base/unique_fd.hpp"

namespace conduit::cli {

class output_file {
 public:
  // Replaces what stands under the name, a symbolic link itself, but no directory. Throws
  // `failure`, as the others do.
  explicit output_file(std::filesystem::path target);
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  // Without a commit nothing remains.
  ~output_file();

  void write(std::span<const std::byte> bytes);
  // The file, to be closed.
  unique_fd commit();

 private:
  std::filesystem::path target_;
  std::string temporary_;  // beside the target; empty where there is no such file (any more)
  unique_fd fd_;
};

}  // namespace conduit::cli
