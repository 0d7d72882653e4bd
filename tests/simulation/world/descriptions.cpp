#include "simulation/world/descriptions.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace conduit::simulation {

description::~description() {
  for (poll_set* one : watched_by) {
    std::erase_if(one->registrations,
                  [this](const registration& entry) { return entry.what == this; });
  }
}

void became_readable(description& what) {
  for (poll_set* one : what.watched_by) {
    for (registration& entry : one->registrations) {
      if (entry.what == &what) entry.edge = true;
    }
    wake_all(channel_of(one));
  }
  wake_all(channel_of(&what));
}

open_file::open_file(inode& what, bool for_writing)
    : node(&what), writable(for_writing), errors_seen(what.errors_reported) {
  ++what.opened;
}

open_file::~open_file() {
  unlock(*this);
  --node->opened;
  if (node->opened == 0 && node->links == 0) collect_garbage();
}

bool is_lock_free_for(const open_file& file, open_file::lock wanted) noexcept {
  for (const auto& [owner, exclusively] : file.node->locked_by_process) {
    if (exclusively || wanted == open_file::lock::exclusive) return false;
  }
  return std::none_of(
      file.node->locked_by.begin(), file.node->locked_by.end(), [&](const open_file* other) {
        return other != &file &&
               (wanted == open_file::lock::exclusive || other->held == open_file::lock::exclusive);
      });
}

bool try_lock(open_file& file, open_file::lock wanted) {
  if (!is_lock_free_for(file, wanted)) return false;
  if (file.held == open_file::lock::none) file.node->locked_by.push_back(&file);
  const bool weaker = file.held == open_file::lock::exclusive && wanted == open_file::lock::shared;
  file.held = wanted;
  if (weaker) wake_all(channel_of(&file.node->locked_by));
  return true;
}

bool try_process_lock(inode& file, const process& owner, open_file::lock wanted) {
  const bool exclusively = wanted == open_file::lock::exclusive;
  for (const open_file* other : file.locked_by) {
    if (exclusively || other->held == open_file::lock::exclusive) return false;
  }
  for (const auto& [other, its] : file.locked_by_process) {
    if (other != &owner && (exclusively || its)) return false;
  }
  file.locked_by_process[&owner] = exclusively;
  return true;
}

void unlock_process(inode& file, const process& owner) {
  if (file.locked_by_process.erase(&owner) != 0) wake_all(channel_of(&file.locked_by));
}

void unlock(open_file& file) {
  if (file.held == open_file::lock::none) return;
  std::erase(file.node->locked_by, &file);
  file.held = open_file::lock::none;
  wake_all(channel_of(&file.node->locked_by));
}

std::int64_t event_counter::read(void* to, std::size_t size) {
  if (size < sizeof count) return -EINVAL;
  if (count == 0) return -EAGAIN;
  std::memcpy(to, &count, sizeof count);
  count = 0;
  return sizeof count;
}

std::int64_t event_counter::write(const void* from, std::size_t size) {
  if (size < sizeof count) return -EINVAL;
  std::uint64_t more = 0;
  std::memcpy(&more, from, sizeof more);
  count += more;
  became_readable(*this);
  return sizeof count;
}

poll_set::~poll_set() {
  for (const registration& entry : registrations) std::erase(entry.what->watched_by, this);
}

registration* poll_set::find(int fd, const description* what) noexcept {
  const auto found =
      std::find_if(registrations.begin(), registrations.end(),
                   [&](const registration& entry) { return entry.fd == fd && entry.what == what; });
  return found == registrations.end() ? nullptr : &*found;
}

nanoseconds poll_set::next_timer() const noexcept {
  nanoseconds next = never;
  for (const registration& entry : registrations) {
    const auto* const clock = dynamic_cast<const timer*>(entry.what);
    if (clock != nullptr) next = std::min(next, clock->expires);
  }
  return next;
}

}  // namespace conduit::simulation
