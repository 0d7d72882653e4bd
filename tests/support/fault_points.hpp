// One run of a store through everything it can do, with a fault at one of its calls to the disk,
// and what must hold afterwards: nothing that was acknowledged is lost, nothing hangs, no byte is
// wrong, the lock is free, and the store goes on once the disk is sound.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "support/scripted_disk.hpp"

namespace conduit::test {

struct fault_point {
  std::size_t index = 0;  // of the call
  fault what;
  bool sticky = false;  // the fault stays until the run is over

  std::string to_string() const;
};

// The calls of a run without a fault.
std::vector<seen_call> record_run();

// Every point of a recorded run: each call with each fault that applies to it, once and sticky.
std::vector<fault_point> all_points(const std::vector<seen_call>& calls);

struct point_report {
  std::size_t hits = 0;                 // calls that were answered with the fault
  std::vector<std::string> complaints;  // what did not hold
};
point_report run_with(const fault_point& point);

// The same for each, several at once: a run waits for its own threads most of the time.
std::vector<point_report> run_all(const std::vector<fault_point>& points);

}  // namespace conduit::test
