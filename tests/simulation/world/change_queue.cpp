#include "simulation/world/change_queue.hpp"

#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace conduit::simulation {

namespace {

// The kernel has 16,384; a smaller queue overflows sooner.
constexpr std::size_t events_max = 200;
constexpr std::size_t name_alignment = 16;

}  // namespace

change_queue::~change_queue() {
  for (inode* one : watched) {
    std::erase_if(one->watches, [this](const change_watch& entry) { return entry.queue == this; });
  }
}

int change_queue::watch(inode& what, std::uint32_t mask) {
  for (change_watch& entry : what.watches) {
    if (entry.queue != this) continue;
    entry.mask = mask;
    return entry.number;
  }
  what.watches.push_back({this, next_number, mask});
  watched.push_back(&what);
  return next_number++;
}

std::int64_t change_queue::read(void* to, std::size_t size) {
  if (events.empty()) return -EAGAIN;
  std::size_t written = 0;
  while (!events.empty()) {
    const notice& next = events.front();
    const std::size_t name_bytes =
        next.name.empty() ? 0 : (next.name.size() / name_alignment + 1) * name_alignment;
    if (written + sizeof(inotify_event) + name_bytes > size) break;
    inotify_event header{};
    header.wd = next.watch;
    header.mask = next.mask;
    header.len = static_cast<std::uint32_t>(name_bytes);
    auto* const place = static_cast<char*>(to) + written;
    std::memcpy(place, &header, sizeof header);
    std::memset(place + sizeof header, 0, name_bytes);
    std::memcpy(place + sizeof header, next.name.data(), next.name.size());
    written += sizeof header + name_bytes;
    events.pop_front();
  }
  return written == 0 ? -EINVAL : static_cast<std::int64_t>(written);
}

// Equal events in a row become one, as in the kernel.
void report_change(inode& what, std::uint32_t mask, std::string_view name) {
  for (const change_watch& entry : what.watches) {
    if ((entry.mask & mask) == 0) continue;
    auto& events = entry.queue->events;
    if (!events.empty() && events.back().watch == entry.number && events.back().mask == mask &&
        events.back().name == name)
      continue;
    if (events.size() >= events_max) {
      if (events.back().mask != IN_Q_OVERFLOW) events.push_back({-1, IN_Q_OVERFLOW, {}});
    } else {
      events.push_back({entry.number, mask, shared_string(name.data(), name.size())});
    }
    became_readable(*entry.queue);
  }
}

}  // namespace conduit::simulation
