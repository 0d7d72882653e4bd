// Memory that runs out when a test says so: the test programs allocate through this. Whole programs
// replace `operator new`, so there is no other seam for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace conduit::test {

// While it lives, the first allocation that it is meant for throws std::bad_alloc, and all others
// pass. One at a time in a program.
class failing_allocation {
 public:
  enum class whose : std::uint8_t { of_this_thread, of_other_threads };

  // Of so many bytes: small ones may be Asio's own, or the test framework's.
  explicit failing_allocation(whose threads, std::size_t bytes_min = 0,
                              std::size_t bytes_max = std::numeric_limits<std::size_t>::max());
  failing_allocation(const failing_allocation&) = delete;
  failing_allocation& operator=(const failing_allocation&) = delete;
  ~failing_allocation();

  // Whether it came to that.
  bool happened() const noexcept;
};

}  // namespace conduit::test
