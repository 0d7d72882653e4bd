// A read that only the page cache may answer.
#pragma once

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace conduit::io {

// Bytes read, or a negative errno: -EAGAIN if the page cache has none of them. Calls the kernel
// without the C library's `preadv2`: that is a point of cancellation of threads, which costs two
// atomic operations and thus a twentieth of a small read.
inline std::int64_t cached_read(int fd, void* data, std::size_t size,
                                std::uint64_t offset) noexcept {
  const iovec part{data, size};
  constexpr long parts = 1;
  // The kernel takes the offset in two halves of a long, and drops the upper one if a long holds
  // it all.
  const long result =
      ::syscall(SYS_preadv2, static_cast<long>(fd), &part, parts, static_cast<long>(offset),
                static_cast<long>(offset >> 32), long{RWF_NOWAIT});
  return result < 0 ? -errno : result;
}

}  // namespace conduit::io
