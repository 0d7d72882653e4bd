// Reads that leave nothing new in the page cache. A pass over more bytes than memory holds would
// otherwise push out what others read often.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

namespace conduit::io {

// RWF_DONTCACHE: the kernel drops what the read brought in, and keeps what was there before. Since
// Linux 6.14, on the file systems that support it; others answer -EOPNOTSUPP. The C library of
// Debian 12 does not name it.
inline constexpr int read_without_caching = 0x80;

// One attempt, blocking: bytes read, or a negative errno.
std::int64_t read_once(int fd, void* data, std::size_t size, std::uint64_t offset) noexcept;

// Without that flag: whether somebody may have read the part before, for a purpose. Such a part is
// to stay.
bool may_be_cached(int fd, std::size_t size, std::uint64_t offset) noexcept;

// Drops a part that was read, whoever brought it in. Dirty pages stay.
void drop_from_cache(int fd, std::uint64_t offset, std::uint64_t size) noexcept;

}  // namespace conduit::io
