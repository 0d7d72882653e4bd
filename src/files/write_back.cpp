#include "files/write_back.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

namespace conduit::files {

namespace {

using namespace std::chrono_literals;

// ext4 may have to read a bitmap to find the blocks of a piece, and keeps every writer of the file
// out meanwhile.
constexpr std::uint64_t piece_bytes = 4U << 20;
constexpr auto look_interval = 500us;
// The limit for a disk that needs longer for a piece, or a file system that does not write on
// request: the sync that counts then has to wait.
constexpr auto piece_patience = 2s;
// If another process appends, the last page never gets clean, nor does a table that is rewritten
// with each of its puts.
constexpr std::int64_t kept_dirty_max = 256 << 10;

bool write_piece_back(io::file_io& disk, int fd, std::uint64_t at, std::uint64_t bytes,
                      const std::function<bool()>& go_on) {
  const auto begun = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begun < piece_patience) {
    if (!go_on() || disk.begin_write_back(fd, at, bytes) < 0) return false;
    const std::int64_t left = disk.unwritten_bytes(fd, at, bytes);
    // If the kernel cannot tell, the sync that counts waits for the rest.
    if (left < 0) return left == -ENOSYS;
    if (left <= kept_dirty_max) return true;
    std::this_thread::sleep_for(look_interval);
  }
  return false;
}

}  // namespace

bool write_back(io::file_io& disk, int fd, std::uint64_t begin, std::uint64_t end,
                const std::function<bool()>& go_on) {
  for (std::uint64_t at = begin; at < end; at += std::min(piece_bytes, end - at)) {
    if (!write_piece_back(disk, fd, at, std::min(piece_bytes, end - at), go_on)) return false;
  }
  return true;
}

}  // namespace conduit::files
