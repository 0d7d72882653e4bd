// What happens often in a history for a while, and what not at all.
#pragma once

#include <array>
#include <random>

#include "simulation/history/step.hpp"

namespace conduit::simulation {

class mood {
 public:
  void change(std::mt19937_64& random);
  verb some_verb(std::mt19937_64& random) const;

 private:
  std::array<unsigned, verbs> weights_{};
};

}  // namespace conduit::simulation
