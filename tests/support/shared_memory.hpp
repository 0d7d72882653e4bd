// Memory that forked processes share and that outlives any of them: what a process wrote there
// before it was killed is still there.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <new>
#include <system_error>

namespace conduit::test {

// `count` objects of a type that is made of atomics and plain values. Pages come into being when
// they are touched, so the count may be generous.
template <typename T>
class shared_memory {
 public:
  explicit shared_memory(std::size_t count = 1) : bytes_(count * sizeof(T)), count_(count) {
    void* const memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::system_category(), "mmap");
    // Fresh pages are zero, which is what every T here begins as: constructing the elements would
    // touch them all.
    objects_ = std::launder(static_cast<T*>(memory));
  }
  shared_memory(const shared_memory&) = delete;
  shared_memory& operator=(const shared_memory&) = delete;
  ~shared_memory() { ::munmap(objects_, bytes_); }

  T& operator[](std::size_t index) const noexcept { return objects_[index]; }
  T* operator->() const noexcept { return objects_; }
  T& operator*() const noexcept { return *objects_; }
  std::size_t size() const noexcept { return count_; }

 private:
  std::size_t bytes_;
  std::size_t count_;
  T* objects_;
};

}  // namespace conduit::test
