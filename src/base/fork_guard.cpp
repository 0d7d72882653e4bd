#include "base/fork_guard.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <mutex>

namespace conduit {

struct fork_registry {
  std::mutex mutex;
  std::atomic<std::uint64_t> generation{0};
  closed_on_fork* first = nullptr;

  fork_registry() {
    pthread_atfork([] { instance().mutex.lock(); }, [] { instance().mutex.unlock(); }, [] { instance().in_child(); });
  }

  static fork_registry& instance() {
    // Never destroyed: the handlers stay registered until the process ends.
    static fork_registry* const registry = new fork_registry;
    return *registry;
  }

  void in_child() {
    generation.fetch_add(1, std::memory_order_relaxed);
    // The number stays taken, by something harmless: whoever owns it in this process will close it once more.
    const int harmless = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (closed_on_fork* entry = first; entry != nullptr; entry = entry->next_) {
      const int fd = entry->fd_.exchange(-1, std::memory_order_relaxed);
      if (fd < 0) continue;
      if (harmless < 0 || ::dup3(harmless, fd, O_CLOEXEC) < 0) ::close(fd);
    }
    if (harmless >= 0) ::close(harmless);
    mutex.unlock();
  }
};

std::uint64_t fork_generation() noexcept {
  static fork_registry& registry = fork_registry::instance();
  return registry.generation.load(std::memory_order_relaxed);
}

closed_on_fork::closed_on_fork(int fd) : fd_(fd) {
  fork_registry& registry = fork_registry::instance();
  const std::lock_guard hold(registry.mutex);
  next_ = registry.first;
  if (next_ != nullptr) next_->prev_ = this;
  registry.first = this;
}

closed_on_fork::~closed_on_fork() {
  fork_registry& registry = fork_registry::instance();
  const std::lock_guard hold(registry.mutex);
  if (prev_ != nullptr) prev_->next_ = next_;
  if (next_ != nullptr) next_->prev_ = prev_;
  if (registry.first == this) registry.first = next_;
}

}  // namespace conduit
