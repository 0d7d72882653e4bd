#include "files/exact_transfers.hpp"

#include <conduit/error.hpp>

#include "base/os_error.hpp"

namespace conduit::files {

std::error_code read_exact(io::file_io& disk, int fd, std::span<std::byte> to,
                           std::uint64_t offset) {
  unsigned retries = 0;
  while (!to.empty()) {
    const std::int64_t count = disk.read(fd, to.data(), to.size(), offset);
    if (is_transient(count) && ++retries <= transient_retries_max) continue;
    if (count < 0) return os_error(count);
    if (count == 0) return errc::corrupt;
    retries = 0;
    offset += static_cast<std::uint64_t>(count);
    to = to.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

std::error_code write_exact(io::file_io& disk, int fd, std::span<const std::byte> bytes,
                            std::uint64_t offset) {
  unsigned retries = 0;
  while (!bytes.empty()) {
    const iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    const std::int64_t count = disk.write(fd, &part, 1, offset);
    if ((count == 0 || is_transient(count)) && ++retries <= transient_retries_max) continue;
    if (count <= 0) return count == 0 ? std::make_error_code(std::errc::io_error) : os_error(count);
    retries = 0;
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace conduit::files
