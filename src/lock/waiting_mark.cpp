#include "lock/waiting_mark.hpp"

#include <fcntl.h>

namespace conduit::lock {

namespace {

unique_fd open_directory(const std::string& path) noexcept {
  return unique_fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

struct flock whole_file(short type) noexcept {
  struct flock whole{};
  whole.l_type = type;
  whole.l_whence = SEEK_SET;
  return whole;
}

}  // namespace

// Closing the description, of which nobody else has a copy, releases the lock.
waiting_mark::waiting_mark(const std::string& directory) noexcept
    : directory_(open_directory(directory)) {
  struct flock shared = whole_file(F_RDLCK);
  if (directory_) ::fcntl(directory_.get(), F_OFD_SETLK, &shared);
}

void waiting_marks::begin(const std::string& directory) noexcept {
  directory_ = open_directory(directory);
}

bool waiting_marks::any() const noexcept {
  struct flock asked = whole_file(F_WRLCK);
  return !directory_ || ::fcntl(directory_.get(), F_OFD_GETLK, &asked) < 0 ||
         asked.l_type != F_UNLCK;
}

}  // namespace conduit::lock
