#include "io/read_once.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "io/cached_read.hpp"

namespace conduit::io {

std::int64_t read_once(int fd, void* data, std::size_t size, std::uint64_t offset) noexcept {
  const iovec part{data, size};
  std::int64_t count = ::preadv2(fd, &part, 1, static_cast<off_t>(offset), read_without_caching);
  // Sandboxes that do not know the call answer ENOSYS or EPERM.
  if (count >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EPERM))
    return count < 0 ? -errno : count;
  if (may_be_cached(fd, size, offset)) {
    count = ::pread(fd, data, size, static_cast<off_t>(offset));
    return count < 0 ? -errno : count;
  }
  // Without readahead, which would make the next part look like one that somebody has read.
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
  count = ::pread(fd, data, size, static_cast<off_t>(offset));
  const int error = errno;
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL);
  if (count < 0) return -error;
  drop_from_cache(fd, offset, static_cast<std::uint64_t>(count));
  return count;
}

// Looks at one byte: whoever has read a part of this size for a purpose has read its middle. The
// kernel's readahead may have brought in the beginning. Some file systems cannot tell.
bool may_be_cached(int fd, std::size_t size, std::uint64_t offset) noexcept {
  std::byte middle{};
  return cached_read(fd, &middle, 1, offset + size / 2) != -EAGAIN;
}

void drop_from_cache(int fd, std::uint64_t offset, std::uint64_t size) noexcept {
  ::posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_DONTNEED);
}

}  // namespace conduit::io
