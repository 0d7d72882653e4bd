#include "lock/waiting_mark.hpp"

#include <fcntl.h>

#include "base/whole_file.hpp"

namespace conduit::lock {

namespace {

unique_fd open_directory(const std::string& path) noexcept {
  return unique_fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

waiting_mark::waiting_mark(const std::string& directory) noexcept
    : directory_(open_directory(directory)) {
  struct flock shared = whole_file(F_RDLCK);
  if (directory_) ::fcntl(directory_.get(), F_OFD_SETLK, &shared);
}

// Unlocks explicitly: a child that was just forked may share the description, and would keep the
// mark.
waiting_mark::~waiting_mark() {
  struct flock none = whole_file(F_UNLCK);
  if (directory_ && fork_generation() == made_in_) ::fcntl(directory_.get(), F_OFD_SETLK, &none);
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
