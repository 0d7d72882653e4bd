#include "store/read_waits.hpp"

#include <utility>

#include "lock/store_place.hpp"

namespace conduit::detail {

bool read_waits::try_lead(const frame_key& work) {
  const std::lock_guard hold(mutex_);
  return led_.try_emplace(work).second;
}

bool read_waits::follow(const frame_key& work, completion& read, io::completion_port& port,
                        decoded_frame& result, const std::atomic<bool>& abandoned) {
  const std::lock_guard hold(mutex_);
  if (abandoned.load()) return false;
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

std::optional<read_waits::ticket> read_waits::enter(completion& read, io::completion_port& port,
                                                    lock_turn turn,
                                                    std::unique_ptr<lock::lock_description> lock,
                                                    const std::atomic<bool>& abandoned) {
  const std::lock_guard hold(mutex_);
  if (abandoned.load()) return std::nullopt;
  const ticket own = ++last_ticket_;
  for_lock_.emplace(own, lock_wait{&read, turn, std::chrono::steady_clock::now()});
  try {
    waiting_.emplace(&read, own);
  } catch (...) {
    for_lock_.erase(own);
    throw;
  }
  lock_ = std::move(lock);
  port.send_away(read);
  return own;
}

bool read_waits::lock_wait_is_long() noexcept {
  const std::lock_guard hold(mutex_);
  if (for_lock_.empty()) return false;
  lock_wait& oldest = for_lock_.begin()->second;
  if (std::chrono::steady_clock::now() - oldest.begun < lock::long_wait) return false;
  return !std::exchange(oldest.reported, true);
}

std::unique_ptr<lock::lock_description> read_waits::next() noexcept {
  const std::lock_guard hold(mutex_);
  if (for_lock_.empty()) lock_.reset();
  return std::move(lock_);
}

void read_waits::serve(std::error_code refused,
                       std::unique_ptr<lock::lock_description> lock) noexcept {
  ticket newest = 0;
  {
    const std::lock_guard hold(mutex_);
    newest = last_ticket_;
  }
  while (const auto next = next_for_lock(newest)) next->turn(*next->read, refused, *lock);
}

std::optional<read_waits::lock_wait> read_waits::next_for_lock(ticket newest) noexcept {
  const std::lock_guard hold(mutex_);
  const auto first = for_lock_.begin();
  if (first == for_lock_.end() || first->first > newest) return std::nullopt;
  const lock_wait found = first->second;
  waiting_.erase(found.read);
  for_lock_.erase(first);
  return found;
}

bool read_waits::take(const completion* read, ticket of) noexcept {
  const std::lock_guard hold(mutex_);
  const auto found = waiting_.find(read);
  if (found == waiting_.end() || found->second != of) return false;
  waiting_.erase(found);
  stop_waiting_for_lock(of);
  return true;
}

bool read_waits::leave(const completion& read) noexcept {
  const std::lock_guard hold(mutex_);
  const auto found = waiting_.find(&read);
  if (found == waiting_.end()) return false;
  stop_waiting_for_lock(found->second);
  waiting_.erase(found);
  return true;
}

// Call it under the mutex.
void read_waits::stop_waiting_for_lock(ticket of) noexcept {
  for_lock_.erase(of);
  if (for_lock_.empty()) lock_.reset();
}

}  // namespace conduit::detail
