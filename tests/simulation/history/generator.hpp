// Histories from seeds: what happens, to whom, and how often, with weights that change on the way,
// so that rare states are reached and stay for a while.
#pragma once

#include "simulation/history/step.hpp"

namespace conduit::simulation {

// The history of that number; neighbours have nothing in common.
history generate(std::uint64_t seed, std::uint64_t number);

}  // namespace conduit::simulation
