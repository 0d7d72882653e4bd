#include "lock/shared_lock.hpp"

#include <conduit/error.hpp>
#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/os_error.hpp"

namespace conduit::lock {

shared_lock::shared_lock(io::file_io& disk, std::string path) : disk_(disk) {
  const std::filesystem::path whole(std::move(path));
  directory_path_ = whole.has_parent_path() ? whole.parent_path().string() : ".";
  name_ = whole.filename().string();
}

std::error_code shared_lock::open() {
  fork_guard_.replace(-1);
  fd_ = unique_fd();
  directory_ = unique_fd(::open(directory_path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory_) return os_error(-errno);
  const std::int64_t fd = disk_.open(directory_.get(), name_.c_str(), io::open_mode::read, 0);
  if (fd < 0) return open_error(fd);
  unique_fd opened(static_cast<int>(fd));
  io::file_status found;
  const std::int64_t known = disk_.status(opened.get(), found);
  if (known < 0) return os_error(known);
  if (!found.regular) return errc::not_a_regular_file;
  fd_ = std::move(opened);
  fork_guard_.replace(fd_.get());
  return {};
}

std::error_code shared_lock::try_acquire() {
  std::int64_t result = -EINTR;
  for (unsigned attempt = 0; result == -EINTR && attempt < transient_retries_max; ++attempt)
    result = disk_.try_lock_shared(fd_.get());
  return os_error(result == -EACCES ? -EAGAIN : result);
}

void shared_lock::release() noexcept { disk_.unlock(fd_.get()); }

bool shared_lock::still_named() const {
  io::file_status open_file;
  io::file_status named;
  return disk_.status(fd_.get(), open_file) >= 0 &&
         disk_.status_at(directory_.get(), name_.c_str(), named) >= 0 && open_file.same_file(named);
}

}  // namespace conduit::lock
