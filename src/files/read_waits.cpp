#include "files/read_waits.hpp"

#include <utility>

namespace conduit::detail {

bool read_waits::try_lead(const frame_key& work) {
  const std::lock_guard hold(mutex_);
  return led_.try_emplace(work).second;
}

bool read_waits::follow(const frame_key& work, completion& read, io::completion_port& port, decoded_frame& result) {
  const std::lock_guard hold(mutex_);
  const auto led = led_.find(work);
  if (led == led_.end()) return false;
  led->second.push_back({&read, ++last_ticket_, &port, &result});
  try {
    waiting_.emplace(&read, last_ticket_);
  } catch (...) {
    led->second.pop_back();
    throw;
  }
  port.send_away(read);
  return true;
}

void read_waits::land(const frame_key& work, const decoded_frame& result) noexcept {
  std::vector<follower> followers;
  {
    const std::lock_guard hold(mutex_);
    const auto led = led_.find(work);
    if (led == led_.end()) return;
    followers = std::move(led->second);
    led_.erase(led);
    std::erase_if(followers, [this](const follower& one) {
      const auto found = waiting_.find(one.read);
      if (found == waiting_.end() || found->second != one.of) return true;
      waiting_.erase(found);
      return false;
    });
  }
  for (const follower& one : followers) {
    *one.result = result;
    one.port->deliver(*one.read);
  }
}

read_waits::ticket read_waits::enter(completion& read, io::completion_port& port) {
  const std::lock_guard hold(mutex_);
  waiting_.emplace(&read, ++last_ticket_);
  port.send_away(read);
  return last_ticket_;
}

bool read_waits::take(const completion* read, ticket of) noexcept {
  const std::lock_guard hold(mutex_);
  const auto found = waiting_.find(read);
  if (found == waiting_.end() || found->second != of) return false;
  waiting_.erase(found);
  return true;
}

bool read_waits::leave(const completion& read) noexcept {
  const std::lock_guard hold(mutex_);
  return waiting_.erase(&read) == 1;
}

}  // namespace conduit::detail
