#include "lock/lease.hpp"

#include <cassert>
#include <utility>

namespace conduit::lock {

namespace {

using namespace std::chrono_literals;

// The watchman releases a lock that is parked for this long.
constexpr auto parked_max = 800us;
// A sleeping watchman costs the loop a system call to wake: it stays awake for this many looks.
constexpr int idle_looks_max = 100;

std::uint64_t word_of(lease::clock::time_point moment) noexcept {
  // 0 and 1 are no times.
  return static_cast<std::uint64_t>(moment.time_since_epoch().count()) + 2;
}

lease::clock::time_point moment_of(std::uint64_t word) noexcept {
  return lease::clock::time_point(std::chrono::nanoseconds(static_cast<std::int64_t>(word - 2)));
}

}  // namespace

lease::~lease() {
  if (fork_generation() != made_in_) return;
  assert(!lock_);
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
    wakes_->notify_one();
  }
  crew_.join();
}

bool lease::begin(clock::time_point now) noexcept {
  const std::lock_guard hold(mutex_);
  if (!watching_) {
    call_watchman(now);
    return false;
  }
  on_ = true;
  if (asleep_) wakes_->notify_one();
  return true;
}

void lease::call_watchman(clock::time_point now) noexcept {
  if (called_ || now - refused_at_ < retry_interval) return;
  called_ = !crew_.post([this] { watch(); });
  if (!called_) refused_at_ = now;
}

void lease::end() noexcept {
  const std::lock_guard hold(mutex_);
  on_ = false;
}

void lease::park(held_lock held, clock::time_point now) noexcept {
  lock_ = std::move(held);
  parked_.store(word_of(now), std::memory_order_release);
}

std::optional<held_lock> lease::resume() noexcept {
  std::uint64_t seen = parked_.load(std::memory_order_acquire);
  if (seen == not_parked) return std::nullopt;
  if (seen != being_released &&
      parked_.compare_exchange_strong(seen, not_parked, std::memory_order_acquire))
    return std::exchange(lock_, std::nullopt);
  // Until the watchman has released it.
  const std::lock_guard hold(mutex_);
  return std::nullopt;
}

lease::clock::time_point lease::released_at() noexcept {
  const std::lock_guard hold(mutex_);
  return released_at_;
}

// ---- the watchman

void lease::watch() noexcept {
  std::unique_lock hold(mutex_);
  watching_ = true;
  for (int idle_looks = 0; !stopping_;) {
    const auto now = clock::now();
    const std::uint64_t seen = parked_.load(std::memory_order_acquire);
    if (release(seen, now)) continue;
    idle_looks = on_ ? 0 : idle_looks + 1;
    if (idle_looks < idle_looks_max) {
      wakes_->wait_until(hold, next_look(seen, now));
    } else {
      asleep_ = true;
      wakes_->wait(hold, [this] { return on_ || stopping_; });
      asleep_ = false;
    }
  }
}

lease::clock::time_point lease::next_look(std::uint64_t seen,
                                          clock::time_point now) const noexcept {
  return (seen > being_released ? moment_of(seen) : now) + parked_max;
}

// The word tells two parkings apart by their times.
bool lease::release(std::uint64_t seen, clock::time_point now) noexcept {
  if (seen <= being_released || now < moment_of(seen) + parked_max) return false;
  if (!parked_.compare_exchange_strong(seen, being_released, std::memory_order_acquire))
    return false;
  lock_->end();
  lock_.reset();
  on_ = false;
  released_at_ = clock::now();
  parked_.store(not_parked, std::memory_order_release);
  return true;
}

}  // namespace conduit::lock
