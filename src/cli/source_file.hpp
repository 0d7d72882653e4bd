// Files that are to become blobs.
#pragma once

#include <asio/buffer.hpp>
#include <conduit/blob.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/unique_fd.hpp"

namespace conduit::cli {

struct source_file {
  unique_fd fd;
  std::string path;        // as given
  std::uint64_t size = 0;  // bytes, when it was opened
};

// All bytes of a file.
class source_bytes {
 public:
  source_bytes() = default;
  source_bytes(blob memory, std::size_t size) noexcept : memory_(std::move(memory)), size_(size) {}

  asio::const_buffer buffer() const noexcept { return asio::const_buffer(memory_.data(), size_); }
  std::string_view text() const noexcept { return memory_.text().substr(0, size_); }

 private:
  blob memory_;  // may be larger
  std::size_t size_ = 0;
};

// Reads from the position of `fd` to the end, with blocking reads that leave nothing new in the
// page cache: never a mapping, which would turn a file that is cut meanwhile into SIGBUS. The file
// may now be shorter or longer than `size_expected`.
source_bytes read_to_end(int fd, std::uint64_t size_expected, std::error_code& error);

// Reads a whole file by its name. Throws `failure`.
source_bytes read_file(const std::string& path);

}  // namespace conduit::cli
