#include "support/failing_allocation.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace conduit::test {

namespace {

enum class phase : std::uint8_t { inert, armed, failed };

std::atomic<phase> state{phase::inert};
// Written while inert.
failing_allocation::whose wanted_threads{};
std::size_t wanted_min = 0;
std::size_t wanted_max = 0;
thread_local bool is_armer = false;

bool is_to_fail(std::size_t size) noexcept {
  if (state.load(std::memory_order_acquire) != phase::armed || size < wanted_min ||
      size > wanted_max)
    return false;
  if (is_armer != (wanted_threads == failing_allocation::whose::of_this_thread)) return false;
  phase expected = phase::armed;
  return state.compare_exchange_strong(expected, phase::failed);
}

// Null where there is none. A sanitizer knows the memory by `malloc`.
void* allocate(std::size_t size) noexcept {
  return is_to_fail(size) ? nullptr : std::malloc(size == 0 ? 1 : size);
}

void* allocate_or_throw(std::size_t size) {
  void* const memory = allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

failing_allocation::failing_allocation(whose threads, std::size_t bytes_min,
                                       std::size_t bytes_max) {
  wanted_threads = threads;
  wanted_min = bytes_min;
  wanted_max = bytes_max;
  is_armer = true;
  state.store(phase::armed, std::memory_order_release);
}

failing_allocation::~failing_allocation() {
  state.store(phase::inert);
  is_armer = false;
}

bool failing_allocation::happened() const noexcept { return state.load() == phase::failed; }

}  // namespace conduit::test

// Every form, but for those with an alignment: what one of them allocates another may free.
void* operator new(std::size_t size) { return conduit::test::allocate_or_throw(size); }
void* operator new[](std::size_t size) { return conduit::test::allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return conduit::test::allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return conduit::test::allocate(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
