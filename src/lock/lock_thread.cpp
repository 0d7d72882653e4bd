#include "lock/lock_thread.hpp"

#include <utility>

#include "lock/waiting_mark.hpp"

namespace conduit::lock {

std::error_code lock_thread::wake() noexcept {
  const std::lock_guard hold(work_->mutex);
  if (work_->running) {
    work_->again = true;
    return {};
  }
  const std::error_code refused = threads_.post([work = work_] { work->run(); });
  work_->running = !refused;
  return refused;
}

void lock_thread::work::run() noexcept {
  do {
    while (std::unique_ptr<lock_description> lock = waiters_->next()) {
      const std::error_code refused = wait(*lock);
      waiters_->serve(refused, std::move(lock));
    }
  } while (goes_on());
}

std::error_code lock_thread::work::wait(lock_description& lock) const noexcept {
  const waiting_mark mark(directory_);
  return lock.wait();
}

bool lock_thread::work::goes_on() noexcept {
  const std::lock_guard hold(mutex);
  running = std::exchange(again, false);
  return running;
}

}  // namespace conduit::lock
