// Memory for one pending handler of the library's own, kept beside its owner: operations wait for
// the handler, and posting it must not fail for lack of memory.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <new>
#include <utility>

namespace conduit::io {

class handler_memory {
 public:
  handler_memory() = default;
  handler_memory(const handler_memory&) = delete;
  handler_memory& operator=(const handler_memory&) = delete;

  // For one thread at a time. The heap serves only a second handler at the same time.
  void* allocate(std::size_t bytes) {
    if (bytes > room_.size() || taken_.load(std::memory_order_acquire))
      return ::operator new(bytes);
    taken_.store(true, std::memory_order_relaxed);
    return room_.data();
  }
  void deallocate(void* memory) noexcept {
    if (memory == room_.data()) {
      taken_.store(false, std::memory_order_release);
    } else {
      ::operator delete(memory);
    }
  }

  bool taken() const noexcept { return taken_.load(std::memory_order_relaxed); }

 private:
  // Asio's wrapper around a handler that holds two pointers takes less than half of it.
  alignas(std::max_align_t) std::array<std::byte, 512> room_{};
  std::atomic<bool> taken_{false};  // by the one pending handler
};

template <typename T>
class handler_memory_allocator {
 public:
  using value_type = T;

  explicit handler_memory_allocator(handler_memory& memory) noexcept : memory_(&memory) {}
  template <typename Other>
  explicit handler_memory_allocator(const handler_memory_allocator<Other>& other) noexcept
      : memory_(other.memory_) {}

  T* allocate(std::size_t count) { return static_cast<T*>(memory_->allocate(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t /*count*/) noexcept { memory_->deallocate(memory); }

  template <typename Other>
  bool operator==(const handler_memory_allocator<Other>& other) const noexcept {
    return memory_ == other.memory_;
  }

 private:
  template <typename Other>
  friend class handler_memory_allocator;
  handler_memory* memory_;
};

// A handler that Asio keeps in `memory`, which must outlive it.
template <typename Function>
class with_memory {
 public:
  using allocator_type = handler_memory_allocator<std::byte>;

  with_memory(handler_memory& memory, Function function)
      : memory_(&memory), function_(std::move(function)) {}
  allocator_type get_allocator() const noexcept { return allocator_type(*memory_); }

  template <typename... Arguments>
  void operator()(Arguments&&... arguments) {
    function_(std::forward<Arguments>(arguments)...);
  }

 private:
  handler_memory* memory_;
  Function function_;
};

}  // namespace conduit::io
