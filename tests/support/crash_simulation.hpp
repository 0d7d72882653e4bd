// Many short lives of a store on a disk in memory, each ended at many points by a kill or a power failure, and what must hold after each:
// no acknowledged blob lost that was promised to survive, no wrong byte, no location handed out twice.
#pragma once

#include <conduit/options.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace conduit::test {

struct crash_report {
  std::size_t crash_states = 0;    // that were opened again and checked
  std::size_t blobs_promised = 0;  // reads that had to succeed, over all states
  std::size_t blobs_lost = 0;      // reads of blobs that were not promised, and were gone
  std::vector<std::string> complaints;
};

// The same seed gives the same lives, as far as the clock allows: the store writes its record by it, too.
crash_report simulate_crashes(std::uint64_t seed, std::size_t crash_states, compression form);

}  // namespace conduit::test
