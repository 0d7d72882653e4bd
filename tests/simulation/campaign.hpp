// Many histories, on all processors; what was reached, in a table that adds up over runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "simulation/history/step.hpp"

namespace conduit::simulation {

struct campaign {
  std::string name;
  std::function<history(std::uint64_t)> numbered;  // the history of a number
  std::uint64_t from = 0;                          // the number of the first history
  std::uint64_t count = 0;                         // 0: as many as the time allows
  unsigned seconds = 0;                            // 0: as long as it takes
  unsigned jobs = 0;                               // 0: one a processor
  std::filesystem::path totals;  // where sums are kept from run to run; may be empty
};

// Prints what it found, whole stories first, then the table. True where nothing was.
bool run(const campaign& what);

}  // namespace conduit::simulation
