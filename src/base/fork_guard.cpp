#include "base/fork_guard.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mutex>
#include <utility>

namespace conduit {

constinit std::atomic<std::uint64_t> forks_survived{0};

struct fork_registry {
  std::mutex mutex;
  closed_on_fork* first = nullptr;

  fork_registry() {
    pthread_atfork([] { instance().mutex.lock(); }, [] { instance().mutex.unlock(); },
                   [] { instance().in_child(); });
  }

  static fork_registry& instance() {
    // Never destroyed: the handlers stay registered until the process ends.
    static fork_registry* const registry = new fork_registry;
    return *registry;
  }

  void in_child() {
    forks_survived.fetch_add(1, std::memory_order_relaxed);
    // The number stays taken, by a harmless descriptor that can be polled: its owner in this
    // process closes it once more, or lets its reactor watch it again.
    int harmless = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool spare = harmless >= 0;
    // No entry stays in the list: some lie on the stacks of threads that do not exist here, and
    // that memory will be reused.
    for (closed_on_fork* next = std::exchange(first, nullptr); next != nullptr;) {
      closed_on_fork* const entry = next;
      next = std::exchange(entry->next_, nullptr);
      entry->prev_ = nullptr;
      const int fd = entry->fd_.exchange(-1, std::memory_order_relaxed);
      if (fd < 0) continue;
      if (harmless < 0) {
        // No number was free: now this one is.
        ::close(fd);
        harmless = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        spare = harmless >= 0 && harmless != fd;
      }
      if (harmless >= 0 && harmless != fd) ::dup3(harmless, fd, O_CLOEXEC);
    }
    if (spare) ::close(harmless);
    mutex.unlock();
  }
};

namespace {

// Forks are counted from here on: before any store can be open, since every program that opens one
// links this file.
[[maybe_unused]] const fork_registry& counting = fork_registry::instance();

}  // namespace

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
