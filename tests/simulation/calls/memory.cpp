// Memory of a simulated process that runs out. Large pieces only: small ones are Asio's own, or the
// simulation's.
#include <cstdlib>
#include <new>

#include "simulation/world/faults.hpp"
#include "simulation/world/processes.hpp"

using namespace conduit::simulation;

namespace {

constexpr std::size_t large = 160;

void* allocate(std::size_t size) noexcept {
  if (size >= large && in_world() && refusal(kernel_call::memory) != 0) return nullptr;
  return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

// NOLINTBEGIN(cppcoreguidelines-no-malloc)
void* operator new(std::size_t size) {
  void* const memory = allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
// NOLINTEND(cppcoreguidelines-no-malloc)
