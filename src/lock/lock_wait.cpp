#include "lock/lock_wait.hpp"

#include <asio/error.hpp>

#include <utility>

namespace conduit::lock {

// Wakes the thread under the mutex: once `who` is told, its owner may be gone.
std::error_code lock_wait::begin(waiter& who, std::unique_ptr<lock_description>& lock,
                                 lock_thread& thread) noexcept {
  const std::lock_guard hold(mutex_);
  if (std::exchange(given_up_, false)) return asio::error::operation_aborted;
  const std::error_code refused = thread.wake();
  if (refused) return refused;
  waiter_ = &who;
  if (lock) lock_ = std::move(lock);
  return {};
}

bool lock_wait::abandon(const waiter& who) noexcept {
  const std::lock_guard hold(mutex_);
  if (waiter_ != &who) return false;
  waiter_ = nullptr;
  return true;
}

std::unique_ptr<lock_description> lock_wait::take_back() noexcept {
  const std::lock_guard hold(mutex_);
  return std::move(lock_);
}

void lock_wait::give_up() noexcept {
  const std::lock_guard hold(mutex_);
  given_up_ = waiter_ == nullptr;
  if (!given_up_) tell(asio::error::operation_aborted, nullptr);
}

std::unique_ptr<lock_description> lock_wait::next() noexcept {
  const std::lock_guard hold(mutex_);
  return waiter_ != nullptr ? std::move(lock_) : nullptr;
}

void lock_wait::serve(std::error_code refused, std::unique_ptr<lock_description> lock) noexcept {
  const std::lock_guard hold(mutex_);
  if (waiter_ != nullptr) return tell(refused, std::move(lock));
  lock->unlock();
  lock_ = std::move(lock);
}

// Under the mutex: `abandon` must not return while a waiter is being told.
void lock_wait::tell(std::error_code refused, std::unique_ptr<lock_description> lock) noexcept {
  std::exchange(waiter_, nullptr)->told(refused, std::move(lock));
}

}  // namespace conduit::lock
