#include "lock/lock_description.hpp"

#include <conduit/error.hpp>
#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <new>
#include <utility>

#include "base/os_error.hpp"
#include "base/retries.hpp"
#include "base/whole_file.hpp"

namespace conduit::lock {

namespace {

std::int64_t open_file(io::file_io& disk, int directory, const char* name, lock_mode mode,
                       unsigned permissions) {
  if (mode == lock_mode::shared) return disk.open(directory, name, io::open_mode::read, 0);
  std::int64_t fd = disk.open(directory, name, io::open_mode::read_write, 0);
  if (fd != -ENOENT || permissions == 0) return fd;
  fd = disk.open(directory, name, io::open_mode::create, permissions);
  // Another process created it first.
  return fd == -EEXIST ? disk.open(directory, name, io::open_mode::read_write, 0) : fd;
}

std::int64_t lock_command(int fd, int command, short type) noexcept {
  struct flock whole = whole_file(type);
  return ::fcntl(fd, command, &whole) < 0 ? -errno : 0;
}

}  // namespace

std::error_code lock_description::open(io::file_io& disk, const std::string& path, lock_mode mode,
                                       unsigned permissions,
                                       std::unique_ptr<lock_description>& into) try {
  const std::filesystem::path whole(path);
  const std::string parent = whole.has_parent_path() ? whole.parent_path().string() : ".";
  std::string name = whole.filename().string();
  unique_fd directory(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return os_error(-errno);
  const std::int64_t fd = open_file(disk, directory.get(), name.c_str(), mode, permissions);
  if (fd < 0) return open_error(fd);
  unique_fd file(static_cast<int>(fd));
  io::file_status found;
  const std::int64_t known = disk.status(file.get(), found);
  if (known < 0) return os_error(known);
  if (!found.regular) return errc::not_a_regular_file;
  into = std::make_unique<lock_description>(std::move(file), std::move(directory), std::move(name),
                                            mode);
  return {};
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

lock_description::lock_description(unique_fd file, unique_fd directory, std::string name,
                                   lock_mode mode)
    : file_(std::move(file)),
      directory_(std::move(directory)),
      name_(std::move(name)),
      mode_(mode) {}

// Unlocks explicitly: a child that was just forked may share the description, and would keep the
// lock.
lock_description::~lock_description() {
  if (fork_generation() == made_in_) unlock();
}

std::error_code lock_description::attempt(io::file_io& disk) noexcept {
  std::int64_t result = 0;
  unsigned retries = 0;
  do {
    result = mode_ == lock_mode::shared ? disk.try_lock_shared(fd()) : disk.try_lock(fd());
  } while (result == -EINTR && tries_again(result, retries));
  return os_error(result == -EACCES ? -EAGAIN : result);
}

std::error_code lock_description::wait() noexcept {
  const short type = mode_ == lock_mode::shared ? F_RDLCK : F_WRLCK;
  std::int64_t result = -EINTR;
  while (result == -EINTR) result = lock_command(fd(), F_OFD_SETLKW, type);
  return os_error(result);
}

void lock_description::unlock() noexcept { lock_command(fd(), F_OFD_SETLK, F_UNLCK); }

bool lock_description::still_named(io::file_io& disk) const {
  io::file_status open_file;
  io::file_status named;
  return disk.status(fd(), open_file) >= 0 &&
         disk.status_at(directory_.get(), name_.c_str(), named) >= 0 && open_file.same_file(named);
}

}  // namespace conduit::lock
