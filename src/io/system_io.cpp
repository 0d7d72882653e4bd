#include "io/system_io.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace conduit::io {

namespace {

std::int64_t answer(std::int64_t result) noexcept { return result < 0 ? -errno : result; }

void fill(file_status& found, const struct stat& from) noexcept {
  found.device = from.st_dev;
  found.inode = from.st_ino;
  found.links = from.st_nlink;
  found.size = static_cast<std::uint64_t>(from.st_size);
  found.modified_ns = from.st_mtim.tv_sec * 1'000'000'000LL + from.st_mtim.tv_nsec;
  found.regular = S_ISREG(from.st_mode);
}

std::int64_t lock_command(int fd, int command, short type) noexcept {
  struct flock whole{};
  whole.l_type = type;
  whole.l_whence = SEEK_SET;
  return answer(::fcntl(fd, command, &whole));
}

int flags_of(open_mode mode) noexcept {
  // O_NONBLOCK so that a FIFO under a data file's name is refused and not waited for; regular files ignore it.
  constexpr int common = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  switch (mode) {
    case open_mode::read:
      return common | O_RDONLY;
    case open_mode::read_direct:
      return common | O_RDONLY | O_DIRECT;
    case open_mode::read_write:
      return common | O_RDWR;
    case open_mode::create:
      return common | O_RDWR | O_CREAT | O_EXCL;
  }
  return common;
}

}  // namespace

std::int64_t system_io::read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) {
  const iovec part{data, size};
  return answer(::preadv2(fd, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT));
}

std::int64_t system_io::read(int fd, void* data, std::size_t size, std::uint64_t offset) {
  return answer(::pread(fd, data, size, static_cast<off_t>(offset)));
}

std::int64_t system_io::write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) {
  return answer(::pwritev(fd, iov, static_cast<int>(count), static_cast<off_t>(offset)));
}

std::int64_t system_io::sync_data(int fd) { return answer(::fdatasync(fd)); }

std::int64_t system_io::sync_directory(int fd) { return answer(::fsync(fd)); }

std::int64_t system_io::truncate(int fd, std::uint64_t size) { return answer(::ftruncate(fd, static_cast<off_t>(size))); }

std::int64_t system_io::remove(int directory, const char* name) { return answer(::unlinkat(directory, name, 0)); }

std::int64_t system_io::list(int directory, std::vector<std::string>& names) {
  names.clear();
  // A description of its own: the position of a directory descriptor is shared by its duplicates.
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

std::int64_t system_io::open(int directory, const char* name, open_mode mode, unsigned permissions, open_patience patience) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags_of(mode));
  how.mode = mode == open_mode::create ? permissions : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | (patience == open_patience::cached_only ? RESOLVE_CACHED : 0U);
  const std::int64_t opened = answer(::syscall(SYS_openat2, directory, name, &how, sizeof how));
  if (opened != -ENOSYS && opened != -EPERM) return opened;
  // Sandboxes filter openat2. Names here are made from numbers, without a slash, so O_NOFOLLOW alone gives the same safety.
  return answer(::openat(directory, name, flags_of(mode), how.mode));
}

std::int64_t system_io::status(int fd, file_status& found) {
  struct stat raw{};
  const std::int64_t result = answer(::fstat(fd, &raw));
  if (result >= 0) fill(found, raw);
  return result;
}

std::int64_t system_io::status_at(int directory, const char* name, file_status& found) {
  struct stat raw{};
  const std::int64_t result = answer(::fstatat(directory, name, &raw, AT_SYMLINK_NOFOLLOW));
  if (result >= 0) fill(found, raw);
  return result;
}

std::int64_t system_io::try_lock(int fd) { return lock_command(fd, F_OFD_SETLK, F_WRLCK); }

std::int64_t system_io::unlock(int fd) { return lock_command(fd, F_OFD_SETLK, F_UNLCK); }

}  // namespace conduit::io
