// What event loops wait with: epoll, eventfd, timerfd, inotify, and the futexes of the C++ library.
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "simulation/calls/answers.hpp"
#include "simulation/calls/places.hpp"
#include "simulation/calls/real.hpp"
#include "simulation/world/change_queue.hpp"
#include "simulation/world/faults.hpp"
#include "simulation/world/processes.hpp"

namespace conduit::simulation {

namespace {

bool is_ready(const registration& entry) noexcept {
  return (entry.events & EPOLLIN) != 0 && entry.what->readable() &&
         (entry.edge || (entry.events & EPOLLET) == 0);
}

std::int64_t change_registration(poll_set& set, int operation, int fd, const epoll_event* event) {
  description* const what = description_of(fd);
  if (what == nullptr) return -EBADF;
  registration* const known = set.find(fd, what);
  if (operation == EPOLL_CTL_DEL) {
    if (known == nullptr) return -ENOENT;
    std::erase_if(set.registrations, [&](const registration& entry) { return &entry == known; });
    const bool watched_still =
        std::any_of(set.registrations.begin(), set.registrations.end(),
                    [&](const registration& entry) { return entry.what == what; });
    if (!watched_still) std::erase(what->watched_by, &set);
    return 0;
  }
  if ((operation == EPOLL_CTL_ADD) == (known != nullptr))
    return known != nullptr ? -EEXIST : -ENOENT;
  registration& entry = known != nullptr
                            ? *known
                            : set.registrations.emplace_back(registration{fd, what, 0, 0, false});
  entry.events = event->events;
  entry.data = event->data.u64;
  entry.edge = true;
  if (known == nullptr &&
      std::find(what->watched_by.begin(), what->watched_by.end(), &set) == what->watched_by.end()) {
    what->watched_by.push_back(&set);
  }
  wake_all(channel_of(&set));
  return 0;
}

int take_ready(poll_set& set, epoll_event* events, int room) {
  int count = 0;
  for (registration& entry : set.registrations) {
    if (count == room || !is_ready(entry)) continue;
    entry.edge = false;
    events[count].events = EPOLLIN;
    events[count].data.u64 = entry.data;
    ++count;
  }
  return count;
}

}  // namespace

std::int64_t futex_ours(std::uint32_t* word, long operation, long value) {
  switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
      enter("futex");
      if (*word != static_cast<std::uint32_t>(value)) return -EAGAIN;
      park(own_channel(word));
      return 0;
    default:
      wake_all(own_channel(word));
      return 0;
  }
}

}  // namespace conduit::simulation

using namespace conduit::simulation;

extern "C" {

int epoll_create1(int flags) noexcept {
  if (!in_world()) return CONDUIT_REAL(epoll_create1)(flags);
  enter("epoll_create1");
  return answered(add_descriptor(new poll_set));
}

int epoll_ctl(int poll, int operation, int fd, epoll_event* event) noexcept {
  auto* const set = description_as<poll_set>(poll);
  if (set == nullptr) return CONDUIT_REAL(epoll_ctl)(poll, operation, fd, event);
  enter("epoll_ctl");
  return answered(change_registration(*set, operation, fd, event));
}

int epoll_wait(int poll, epoll_event* events, int room, int timeout) {
  auto* const set = description_as<poll_set>(poll);
  if (set == nullptr) return CONDUIT_REAL(epoll_wait)(poll, events, room, timeout);
  enter("epoll_wait");
  const nanoseconds patience = timeout < 0 ? never : the_world().now + timeout * millisecond;
  for (;;) {
    const int count = take_ready(*set, events, room);
    if (count != 0 || the_world().now >= patience) return count;
    park(channel_of(set), std::min(patience, set->next_timer()));
  }
}

int eventfd(unsigned count, int flags) noexcept {
  if (!in_world()) return CONDUIT_REAL(eventfd)(count, flags);
  enter("eventfd");
  auto* const made = new event_counter;
  made->count = count;
  made->blocking = (flags & EFD_NONBLOCK) == 0;
  return answered(add_descriptor(made));
}

// Asio's last resort, where there was no room for an eventfd.
int pipe(int ends[2]) noexcept { return in_world() ? answered(-EMFILE) : CONDUIT_REAL(pipe)(ends); }

int timerfd_create(clockid_t clock, int flags) noexcept {
  if (!in_world()) return CONDUIT_REAL(timerfd_create)(clock, flags);
  enter("timerfd_create");
  return answered(add_descriptor(new timer));
}

int timerfd_settime(int fd, int flags, const itimerspec* next, itimerspec* last) noexcept {
  auto* const clock = description_as<timer>(fd);
  if (clock == nullptr) return CONDUIT_REAL(timerfd_settime)(fd, flags, next, last);
  enter("timerfd_settime");
  if (last != nullptr) *last = {};
  const nanoseconds value = next->it_value.tv_sec * second + next->it_value.tv_nsec;
  clock->expires =
      value == 0 ? never : value + ((flags & TFD_TIMER_ABSTIME) != 0 ? 0 : the_world().now);
  became_readable(*clock);  // whoever polls it has to look at the new time
  return 0;
}

int inotify_init1(int flags) noexcept {
  if (!in_world()) return CONDUIT_REAL(inotify_init1)(flags);
  enter("inotify_init1");
  const std::int64_t refused = refusal(kernel_call::watch_names);
  if (refused != 0) return answered(refused);
  auto* const made = new change_queue;
  made->blocking = (flags & IN_NONBLOCK) == 0;
  return answered(add_descriptor(made));
}

int inotify_add_watch(int fd, const char* path, std::uint32_t mask) noexcept {
  auto* const queue = description_as<change_queue>(fd);
  if (queue == nullptr) return CONDUIT_REAL(inotify_add_watch)(fd, path, mask);
  enter("inotify_add_watch");
  const std::int64_t refused = refusal(kernel_call::watch_names);
  if (refused != 0) return answered(refused);
  inode* const what = inode_of_path(path);
  return answered(what == nullptr ? -ENOENT : queue->watch(*what, mask));
}

}  // extern "C"
