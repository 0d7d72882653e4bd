#include "io/system_io.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/unique_fd.hpp"
#include "base/whole_file.hpp"
#include "io/cached_read.hpp"
#include "io/read_once.hpp"

namespace conduit::io {

namespace {

std::int64_t answer(std::int64_t result) noexcept { return result < 0 ? -errno : result; }

// Do not request timestamps of a regular file: since Linux 6.13 a file whose timestamps were read
// gets an exact one with its next write, and ext4 rewrites the inode for each of these; otherwise
// once a clock tick.
std::int64_t look_at(int directory, const char* name, int flags, file_status& found) noexcept {
  struct statx raw{};
  std::int64_t result = answer(
      ::statx(directory, name, flags, STATX_TYPE | STATX_NLINK | STATX_INO | STATX_SIZE, &raw));
  if (result >= 0 && S_ISDIR(raw.stx_mode))
    result = answer(::statx(directory, name, flags, STATX_BASIC_STATS, &raw));
  if (result < 0) return result;
  found.device = makedev(raw.stx_dev_major, raw.stx_dev_minor);
  found.inode = raw.stx_ino;
  found.links = raw.stx_nlink;
  found.size = raw.stx_size;
  found.modified_ns = raw.stx_mtime.tv_sec * 1'000'000'000LL + raw.stx_mtime.tv_nsec;
  found.regular = S_ISREG(raw.stx_mode);
  return result;
}

std::int64_t lock_command(int fd, int command, short type) noexcept {
  struct flock whole = whole_file(type);
  return answer(::fcntl(fd, command, &whole));
}

int flags_of(open_mode mode) noexcept {
  // O_NONBLOCK so that a FIFO under a data file's name is refused and not waited for; regular files
  // ignore it.
  constexpr int common = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  switch (mode) {
    // O_NOATIME: updating the access time costs a twentieth of a read that the page cache answers.
    case open_mode::read:
      return common | O_RDONLY | O_NOATIME;
    case open_mode::read_direct:
      return common | O_RDONLY | O_DIRECT | O_NOATIME;
    case open_mode::read_write:
      return common | O_RDWR;
    case open_mode::create:
      return common | O_RDWR | O_CREAT | O_EXCL;
    case open_mode::unnamed:
      return common | O_RDWR | O_TMPFILE;
  }
  return common;
}

}  // namespace

std::int64_t system_io::read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) {
  return cached_read(fd, data, size, offset);
}

std::int64_t system_io::read(int fd, void* data, std::size_t size, std::uint64_t offset,
                             cache_use use) {
  if (use == cache_use::once) return read_once(fd, data, size, offset);
  return answer(::pread(fd, data, size, static_cast<off_t>(offset)));
}

std::int64_t system_io::write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) {
  return answer(::pwritev(fd, iov, static_cast<int>(count), static_cast<off_t>(offset)));
}

std::int64_t system_io::sync_data(int fd) { return answer(::fdatasync(fd)); }

std::int64_t system_io::begin_write_back(int fd, std::uint64_t offset, std::uint64_t size) {
  // Waiting would consume the error.
  return answer(::sync_file_range(fd, static_cast<off64_t>(offset), static_cast<off64_t>(size),
                                  SYNC_FILE_RANGE_WRITE));
}

std::int64_t system_io::unwritten_bytes(int fd, std::uint64_t offset, std::uint64_t size) {
  // Linux 6.5; the C library of Debian 12 does not name it.
  constexpr long cachestat_call = 451;
  const struct {
    std::uint64_t offset;
    std::uint64_t size;
  } range{offset, size};
  struct {
    std::uint64_t cached;
    std::uint64_t dirty;
    std::uint64_t being_written;
    std::uint64_t evicted;
    std::uint64_t recently_evicted;
  } pages{};
  if (::syscall(cachestat_call, fd, &range, &pages, 0) != 0)
    return errno == EPERM ? -ENOSYS : -errno;
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return static_cast<std::int64_t>(
      std::min(size, (pages.dirty + pages.being_written) * page_bytes));
}

std::int64_t system_io::sync_directory(int fd) { return answer(::fsync(fd)); }

std::int64_t system_io::sync_parent(int directory) {
  const unique_fd parent(::openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return errno == EACCES ? 0 : -errno;
  struct stat own{};
  struct stat above{};
  if (::fstat(directory, &own) != 0 || ::fstat(parent.get(), &above) != 0) return -errno;
  return own.st_dev == above.st_dev ? sync_directory(parent.get()) : 0;
}

std::int64_t system_io::truncate(int fd, std::uint64_t size) {
  return answer(::ftruncate(fd, static_cast<off_t>(size)));
}

std::int64_t system_io::remove(int directory, const char* name) {
  return answer(::unlinkat(directory, name, 0));
}

std::int64_t system_io::link(int fd, int directory, const char* name) {
  // Through /proc, as open(2) describes: linking by the descriptor alone takes a privilege, except
  // in newer kernels.
  std::array<char, 32> open_file{};
  std::snprintf(open_file.data(), open_file.size(), "/proc/self/fd/%d", fd);
  const std::int64_t linked =
      answer(::linkat(AT_FDCWD, open_file.data(), directory, name, AT_SYMLINK_FOLLOW));
  return linked == -ENOENT ? answer(::linkat(fd, "", directory, name, AT_EMPTY_PATH)) : linked;
}

std::int64_t system_io::copy_permissions(int from, int to) {
  struct stat wanted{};
  struct stat present{};
  if (::fstat(from, &wanted) != 0 || ::fstat(to, &present) != 0) return -errno;
  const bool other_owner = wanted.st_uid != present.st_uid || wanted.st_gid != present.st_gid;
  if (other_owner && ::fchown(to, wanted.st_uid, wanted.st_gid) != 0) return -errno;
  return answer(::fchmod(to, wanted.st_mode & 07777));
}

std::int64_t system_io::list(int directory, std::vector<std::string>& names) {
  names.clear();
  // A separate description: duplicates of a directory descriptor share its position.
  const int own = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return -errno;
  const std::unique_ptr<DIR, int (*)(DIR*)> open_directory(::fdopendir(own), ::closedir);
  if (!open_directory) {
    const int error = errno;
    ::close(own);
    return -error;
  }
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(open_directory.get());
    if (entry == nullptr) return -errno;
    names.emplace_back(entry->d_name);
  }
}

std::int64_t system_io::open(int directory, const char* name, open_mode mode, unsigned permissions,
                             open_patience patience) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags_of(mode));
  how.mode = mode == open_mode::create || mode == open_mode::unnamed ? permissions : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                (patience == open_patience::cached_only ? RESOLVE_CACHED : 0U);
  std::int64_t opened = answer(::syscall(SYS_openat2, directory, name, &how, sizeof how));
  if (opened != -ENOSYS && opened != -EPERM) return opened;
  // Only the owner of a file may leave its access time alone.
  how.flags &= ~static_cast<unsigned>(O_NOATIME);
  opened = answer(::syscall(SYS_openat2, directory, name, &how, sizeof how));
  if (opened != -ENOSYS && opened != -EPERM) return opened;
  // Sandboxes filter openat2. Names here are made from numbers, without a slash, so O_NOFOLLOW
  // alone gives the same safety.
  return answer(::openat(directory, name, static_cast<int>(how.flags), how.mode));
}

std::int64_t system_io::status(int fd, file_status& found) {
  return look_at(fd, "", AT_EMPTY_PATH, found);
}

std::int64_t system_io::status_at(int directory, const char* name, file_status& found) {
  return look_at(directory, name, AT_SYMLINK_NOFOLLOW, found);
}

std::int64_t system_io::try_lock(int fd) { return lock_command(fd, F_OFD_SETLK, F_WRLCK); }

std::int64_t system_io::try_lock_shared(int fd) { return lock_command(fd, F_OFD_SETLK, F_RDLCK); }

std::int64_t system_io::unlock(int fd) { return lock_command(fd, F_OFD_SETLK, F_UNLCK); }

}  // namespace conduit::io
