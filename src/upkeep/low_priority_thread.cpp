#include "upkeep/low_priority_thread.hpp"

#include <sys/resource.h>

namespace conduit::detail {

namespace {
constexpr int lowest_priority = 19;
}  // namespace

// On Linux a thread has a nice value of its own, and the disk's scheduler follows it. An
// unprivileged thread cannot raise its priority again: hence a thread for this alone.
void low_priority_thread::lower_priority() noexcept {
  ::setpriority(PRIO_PROCESS, 0, lowest_priority);
}

}  // namespace conduit::detail
