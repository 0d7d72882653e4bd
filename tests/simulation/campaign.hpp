// Many histories from seeds, on all processors; what was reached, in a table that adds up over runs.
#pragma once

#include <cstdint>
#include <filesystem>

namespace conduit::simulation {

struct campaign {
  std::uint64_t seed = 1;
  std::uint64_t from = 0;        // the number of the first history
  std::uint64_t count = 0;       // 0: as many as the time allows
  unsigned seconds = 0;          // 0: as long as it takes
  unsigned jobs = 0;             // 0: one a processor
  std::filesystem::path totals;  // where sums are kept from run to run; may be empty
};

// Prints what it found, whole stories first, then the table. True where nothing was.
bool run(const campaign& what);

// A history's own seed.
std::uint64_t seed_of(std::uint64_t seed, std::uint64_t number) noexcept;

}  // namespace conduit::simulation
