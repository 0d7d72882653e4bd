// Cuts a history down that finds something: to fewer steps, and smaller numbers, that find the
// same.
#pragma once

#include "simulation/director.hpp"

namespace conduit::simulation {

struct short_history {
  history what;
  verdict result;
};

// `result` is that of `what`.
short_history shrink(const history& what, const verdict& result);

}  // namespace conduit::simulation
