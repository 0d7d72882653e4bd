// Short lives of stores, again and again: each time another one of their calls meets a fault, once
// or from then on.
#pragma once

#include <cstdint>
#include <vector>

#include "simulation/history/step.hpp"

namespace conduit::simulation {

class fault_sweep {
 public:
  // Plays each life once, to learn which calls it makes. A life that finds something without a
  // fault makes a sweep of that one history.
  fault_sweep();

  std::uint64_t size() const noexcept { return points_.size(); }
  history at(std::uint64_t number) const;

 private:
  struct point {
    std::size_t life = 0;
    step fault;
  };

  std::vector<history> lives_;
  std::vector<point> points_;
};

}  // namespace conduit::simulation
