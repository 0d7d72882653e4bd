#include "lock/lock_thread.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <thread>
#include <utility>

#include "base/start_thread.hpp"

namespace conduit::lock {

namespace {

// Straight to the kernel, not through the seam: the thread may outlive the store and with it the
// seam's object.
std::int64_t set_lock(int fd, int command, short type) noexcept {
  struct flock whole{};
  whole.l_type = type;
  whole.l_whence = SEEK_SET;
  return ::fcntl(fd, command, &whole) < 0 ? -errno : 0;
}

}  // namespace

bool lock_waiter::revoke() noexcept { return thread->abandon(*this); }

lock_thread::lock_thread(unique_fd fd) : fd_(std::move(fd)), fork_guard_(fd_.get()) {}

std::error_code lock_thread::start() noexcept {
  std::thread thread;
  const std::error_code refused =
      start_thread(thread, [self = shared_from_this()] { self->run(); });
  if (!refused) thread.detach();
  return refused;
}

void lock_thread::wait_for_lock(lock_waiter& waiter, io::completion_port& home) {
  const std::lock_guard hold(mutex_);
  waiter.thread = shared_from_this();
  waiter_ = &waiter;
  home_ = &home;
  home.send_away(waiter);
  wanted_.notify_one();
}

bool lock_thread::abandon(lock_waiter& waiter) noexcept {
  const std::lock_guard hold(mutex_);
  if (waiter_ != &waiter) return false;
  waiter_ = nullptr;
  return true;
}

bool lock_thread::give_up() noexcept {
  const std::lock_guard hold(mutex_);
  if (waiter_ == nullptr) return false;
  tell(-ECANCELED);
  return true;
}

// Under the mutex: `abandon` must not answer while the delivery is on its way.
void lock_thread::tell(std::int64_t result) {
  lock_waiter* const waiter = std::exchange(waiter_, nullptr);
  waiter->granted = result;
  home_->deliver(*waiter);
}

void lock_thread::stop() noexcept {
  const std::lock_guard hold(mutex_);
  stopped_ = true;
  wanted_.notify_one();
}

void lock_thread::run() {
  std::unique_lock hold(mutex_);
  for (;;) {
    wanted_.wait(hold, [this] { return stopped_ || waiter_ != nullptr; });
    if (stopped_) return;
    hold.unlock();
    // Whoever writes without a pause sees this, and leaves the lock free for long enough now and
    // then.
    ::futimens(fd_.get(), nullptr);
    std::int64_t result = 0;
    do {
      result = set_lock(fd_.get(), F_OFD_SETLKW, F_WRLCK);
    } while (result == -EINTR);
    hold.lock();
    if (waiter_ == nullptr) {
      if (result == 0) set_lock(fd_.get(), F_OFD_SETLK, F_UNLCK);
      continue;
    }
    tell(result);
  }
}

}  // namespace conduit::lock
