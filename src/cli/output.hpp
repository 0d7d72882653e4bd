// The program's output, to standard output and into files. All bytes, or an exception.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace conduit::cli {

// Throw `failure` naming `subject`.
void write_all(int fd, std::span<const std::byte> bytes, std::string_view subject);
void write_all(int fd, std::string_view text, std::string_view subject);

void write_to_stdout(std::string_view text);
// Names in a file system need not be UTF-8, but JSON must be: invalid bytes are replaced.
void write_json_to_stdout(const nlohmann::ordered_json& document);

// A file that appears under its name only when it is whole.
class output_file {
 public:
  // Replaces the object under the name, even a symbolic link itself, but no directory. Throws
  // `failure`, as the others do.
  explicit output_file(std::filesystem::path target);
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  // Without a commit nothing remains.
  ~output_file();

  void write(std::span<const std::byte> bytes);
  // Returns the file, for the caller to close.
  unique_fd commit();

 private:
  std::filesystem::path target_;
  std::string temporary_;  // beside the target; empty if there is no such file (any more)
  unique_fd fd_;
};

}  // namespace conduit::cli
