#include "simulation/world/arena.hpp"

#include <sys/mman.h>

#include <array>
#include <bit>
#include <cerrno>
#include <system_error>

namespace conduit::simulation {

namespace {

// Only what is touched takes memory.
constexpr std::size_t arena_bytes = std::size_t{1} << 30;
constexpr std::size_t smallest = 16;

struct free_block {
  free_block* next = nullptr;
};

// At the arena's start.
struct control {
  std::size_t used = sizeof(control);
  std::array<free_block*, 64> free{};  // by the power of two of their size
};

control* present = nullptr;

std::size_t rounded(std::size_t bytes) noexcept {
  return std::bit_ceil(bytes < smallest ? smallest : bytes);
}

std::size_t size_class(std::size_t rounded_bytes) noexcept {
  return static_cast<std::size_t>(std::countr_zero(rounded_bytes));
}

}  // namespace

void arena::begin() {
  if (present != nullptr) ::munmap(present, arena_bytes);
  void* const memory = ::mmap(nullptr, arena_bytes, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    throw std::system_error(errno, std::system_category(), "memory for a simulated world");
  present = new (memory) control;
}

void* arena::allocate(std::size_t bytes) {
  const std::size_t size = rounded(bytes);
  free_block*& first = present->free[size_class(size)];
  if (first != nullptr) return std::exchange(first, first->next);
  if (size > arena_bytes - present->used) throw std::bad_alloc();
  void* const memory =
      reinterpret_cast<std::byte*>(present) + ((present->used + smallest - 1) & ~(smallest - 1));
  present->used = ((present->used + smallest - 1) & ~(smallest - 1)) + size;
  return memory;
}

void arena::release(void* memory, std::size_t bytes) noexcept {
  if (memory == nullptr) return;
  free_block*& first = present->free[size_class(rounded(bytes))];
  first = new (memory) free_block{first};
}

}  // namespace conduit::simulation
