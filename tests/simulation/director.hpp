// Plays one history on a world of its own, and says what was found against the promises.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulation/history/step.hpp"
#include "simulation/world/world.hpp"

namespace conduit::simulation {

struct verdict {
  std::vector<std::string> found;  // empty: all is well
  std::vector<std::string> story;
  std::uint64_t fingerprint = 0;  // equal for equal runs
  std::uint64_t moments = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t reads_checked = 0;
  std::int64_t virtual_us = 0;
  encounter_table encounters{};
  call_counts
      asked{};  // before all was to come to rest: calls that a fault of the history could have met
};

// `tells_calls`: every call of every process is in the story.
verdict play(const history& what, bool tells_calls = false);

}  // namespace conduit::simulation
