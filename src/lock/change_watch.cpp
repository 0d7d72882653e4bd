#include "lock/change_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace conduit::lock {

void change_watch::begin(const std::string& directory, const std::string& lock_file) {
  events_ = unique_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!events_) return;
  constexpr auto in_directory = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  constexpr auto in_lock_file = IN_OPEN | IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;
  lock_watch_ = ::inotify_add_watch(events_.get(), lock_file.c_str(), in_lock_file);
  if (lock_watch_ < 0 || ::inotify_add_watch(events_.get(), directory.c_str(), in_directory) < 0)
    events_.reset();
  begun_ = std::chrono::steady_clock::now();
}

bool change_watch::quiet() noexcept {
  if (!events_) return false;
  alignas(inotify_event) std::array<char, 4096> buffer;
  bool seen = false;
  for (;;) {
    const ssize_t bytes = ::read(events_.get(), buffer.data(), buffer.size());
    if (bytes < 0) return !seen && errno == EAGAIN;
    seen = true;
    for (std::size_t at = 0; at < static_cast<std::size_t>(bytes);) {
      inotify_event event{};
      std::memcpy(&event, &buffer[at], sizeof event);
      const bool visit = event.wd == lock_watch_ && (event.mask & (IN_OPEN | IN_ATTRIB)) != 0;
      // An overflow may have dropped a visit.
      if (visit || (event.mask & IN_Q_OVERFLOW) != 0)
        last_visit_ = std::chrono::steady_clock::now();
      at += sizeof event + event.len;
    }
  }
}

std::chrono::steady_clock::time_point change_watch::last_visit() const noexcept {
  return events_ ? last_visit_ : std::chrono::steady_clock::now();
}

}  // namespace conduit::lock
