// A simulated process that dies of itself says so, and the world ends.
#pragma once

namespace conduit::simulation {

void report_crashes();

}  // namespace conduit::simulation
