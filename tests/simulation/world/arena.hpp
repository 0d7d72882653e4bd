// Memory that all processes of a simulated world share: what stands in it outlives each of them, as
// a kernel's memory does. Pointers into it are good in every process, because all of them are forks
// of one.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <new>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace conduit::simulation {

// For one thread at a time: whoever has the baton, see tasks.hpp.
class arena {
 public:
  // A new, empty one; what the last one held is gone.
  static void begin();
  static void* allocate(std::size_t bytes);
  static void release(void* memory, std::size_t bytes) noexcept;
};

template <typename T>
struct shared_allocator {
  using value_type = T;

  shared_allocator() = default;
  // As allocators convert.
  template <typename Other>
  explicit(false) shared_allocator(const shared_allocator<Other>&) noexcept {}

  T* allocate(std::size_t count) { return static_cast<T*>(arena::allocate(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) noexcept {
    arena::release(memory, count * sizeof(T));
  }

  template <typename Other>
  bool operator==(const shared_allocator<Other>&) const noexcept {
    return true;
  }
};

using shared_string = std::basic_string<char, std::char_traits<char>, shared_allocator<char>>;
template <typename T>
using shared_vector = std::vector<T, shared_allocator<T>>;
template <typename T>
using shared_deque = std::deque<T, shared_allocator<T>>;
template <typename Key, typename T>
using shared_map = std::map<Key, T, std::less<>, shared_allocator<std::pair<const Key, T>>>;

template <typename T>
using shared_set = std::set<T, std::less<>, shared_allocator<T>>;

template <typename T, typename... Arguments>
T* make_shared_object(Arguments&&... arguments) {
  return new (arena::allocate(sizeof(T))) T(std::forward<Arguments>(arguments)...);
}

// `T` is the object's own type, not a base of it.
template <typename T>
void end_shared_object(T* object) noexcept {
  object->~T();
  arena::release(object, sizeof(T));
}

}  // namespace conduit::simulation
