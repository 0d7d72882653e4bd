#include "files/exact_transfers.hpp"

#include <conduit/error.hpp>

#include "base/os_error.hpp"
#include "base/retries.hpp"

namespace conduit::files {

std::error_code read_up_to(io::file_io& disk, int fd, std::span<std::byte> to, std::uint64_t offset,
                           std::size_t& count, io::cache_use use) {
  count = 0;
  unsigned retries = 0;
  while (count < to.size()) {
    const std::int64_t result =
        disk.read(fd, to.data() + count, to.size() - count, offset + count, use);
    if (tries_again(result, retries)) continue;
    if (result <= 0) return os_error(result);
    count += static_cast<std::size_t>(result);
  }
  return {};
}

std::error_code read_exact(io::file_io& disk, int fd, std::span<std::byte> to,
                           std::uint64_t offset) {
  std::size_t count = 0;
  const std::error_code error = read_up_to(disk, fd, to, offset, count);
  return !error && count < to.size() ? errc::corrupt : error;
}

std::error_code write_exact(io::file_io& disk, int fd, std::span<const std::byte> bytes,
                            std::uint64_t offset) {
  unsigned retries = 0;
  while (!bytes.empty()) {
    const iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    const std::int64_t count = disk.write(fd, &part, 1, offset);
    if (writes_again(count, retries)) continue;
    if (count <= 0) return count == 0 ? std::make_error_code(std::errc::io_error) : os_error(count);
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace conduit::files
