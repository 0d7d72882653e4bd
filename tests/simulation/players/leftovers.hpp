// What a process must have given back when its stores and contexts are gone.
#pragma once

#include <cstddef>

namespace conduit::simulation {

// Threads and descriptors of the calling process. A thread that waits for a lock may need a moment.
void check_nothing_is_left(std::size_t descriptors_before);

}  // namespace conduit::simulation
