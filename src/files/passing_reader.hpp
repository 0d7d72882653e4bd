// Reads a file once, from its start towards its end, and leaves nothing new in the page cache.
// Reads large pieces ahead: without the page cache each read waits for the disk.
#pragma once

#include <conduit/blob.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

#include "io/file_io.hpp"

namespace conduit::files {

class passing_reader {
 public:
  // `fd` must stay open as long as the reader lives.
  passing_reader(io::file_io& disk, int fd) noexcept : disk_(disk), fd_(fd) {}

  // Reads bytes from `offset` on, until `to` is full or the file ends: `count` of them. Blocking;
  // throws std::bad_alloc. Bytes may be as old as the reader.
  std::error_code read_up_to(std::span<std::byte> to, std::uint64_t offset, std::size_t& count);

  // Fills `to`; `errc::corrupt` if the file ends before.
  std::error_code read_exact(std::span<std::byte> to, std::uint64_t offset);

 private:
  std::error_code read_piece(std::uint64_t offset);

  io::file_io& disk_;
  const int fd_;
  blob piece_;
  std::uint64_t start_ = 0;  // of the piece in the file
  std::size_t size_ = 0;
};

}  // namespace conduit::files
