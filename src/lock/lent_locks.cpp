#include "lock/lent_locks.hpp"

#include <conduit/error.hpp>

namespace conduit::lock {

namespace {

// Bounds the retries when the lock file is replaced again and again.
constexpr int reopens_max = 8;

}  // namespace

std::error_code lent_locks::with(const std::function<bool()>& go_on,
                                 std::chrono::milliseconds patience,
                                 const std::function<void()>& work) {
  std::unique_ptr<file_lock> lock = borrow();
  bool opened = lock != nullptr;
  if (!opened) lock = std::make_unique<file_lock>(disk_, paths_, lock_mode::shared);
  std::error_code error;
  for (int reopens = 0; reopens < reopens_max; ++reopens) {
    error = opened ? std::error_code{} : lock->open(0);
    if (error) return error;
    error = lock->acquire(go_on, patience);
    if (error || lock->still_named()) break;
    lock->release();
    opened = false;
    error = errc::locked;
  }
  if (!error) {
    work();
    lock->release();
  }
  give_back(std::move(lock));
  return error;
}

std::unique_ptr<file_lock> lent_locks::borrow() {
  const std::lock_guard hold(mutex_);
  if (given_up_.empty()) return nullptr;
  std::unique_ptr<file_lock> lock = std::move(given_up_.back());
  given_up_.pop_back();
  return lock;
}

// Closes a lock that nobody waits through: it costs two descriptors.
void lent_locks::give_back(std::unique_ptr<file_lock> lock) {
  if (!lock->has_abandoned_wait()) return;
  const std::lock_guard hold(mutex_);
  given_up_.push_back(std::move(lock));
}

}  // namespace conduit::lock
