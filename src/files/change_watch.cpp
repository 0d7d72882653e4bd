#include "files/change_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace conduit::files {

void change_watch::begin(const std::string& directory, const std::string& lock_file) {
  events_ = unique_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!events_) return;
  constexpr auto in_directory = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  constexpr auto in_lock_file = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;
  if (::inotify_add_watch(events_.get(), directory.c_str(), in_directory) < 0 ||
      ::inotify_add_watch(events_.get(), lock_file.c_str(), in_lock_file) < 0) {
    events_.reset();
  }
}

bool change_watch::quiet() noexcept {
  if (!events_) return false;
  std::array<char, 4096> events;  // their content does not matter: one is enough to check everything
  bool seen = false;
  for (;;) {
    const ssize_t bytes = ::read(events_.get(), events.data(), events.size());
    if (bytes < 0) return !seen && errno == EAGAIN;
    seen = true;
  }
}

}  // namespace conduit::files
