// State that must not survive into a forked child: the lock's descriptors, since the child shares
// an open file description lock, and the belief that the store is still usable there.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace conduit {

// The count of forks between this process and the one that loaded the library. Written in the child
// of a fork, while it has one thread. Others use only `fork_generation`.
extern constinit std::atomic<std::uint64_t> forks_survived;

// Counts forks as seen from inside: a child's count differs from the one under which its parent
// opened stores. A plain load, since each operation asks several times.
inline std::uint64_t fork_generation() noexcept {
  return forks_survived.load(std::memory_order_relaxed);
}

// A value that a forked child does not destroy: destroying a condition variable waits for threads
// that the child does not have.
template <typename T>
class kept_in_child {
 public:
  kept_in_child() { std::construct_at(&value); }
  kept_in_child(const kept_in_child&) = delete;
  kept_in_child& operator=(const kept_in_child&) = delete;
  ~kept_in_child() {
    if (fork_generation() == made_in_) std::destroy_at(&value);
  }

  T& operator*() noexcept { return value; }
  T* operator->() noexcept { return &value; }

 private:
  const std::uint64_t made_in_ = fork_generation();
  union {
    T value;
  };
};

// For shared pointers: a forked child keeps the object. Threads that the child does not have may
// hold its locks.
class delete_unless_forked {
 public:
  template <typename T>
  void operator()(T* object) const noexcept {
    if (fork_generation() == made_in_) delete object;
  }

 private:
  std::uint64_t made_in_ = fork_generation();
};

// A descriptor that is closed in every forked child, before the child runs anything else. The slot
// is read in the child alone.
class closed_on_fork {
 public:
  explicit closed_on_fork(int fd);
  closed_on_fork(const closed_on_fork&) = delete;
  closed_on_fork& operator=(const closed_on_fork&) = delete;
  ~closed_on_fork();

  void replace(int fd) noexcept { fd_.store(fd, std::memory_order_relaxed); }

 private:
  friend struct fork_registry;
  std::atomic<int> fd_;  // written by its owner, read by the child of a fork
  closed_on_fork* prev_ = nullptr;
  closed_on_fork* next_ = nullptr;
};

}  // namespace conduit
