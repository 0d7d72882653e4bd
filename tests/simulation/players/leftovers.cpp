#include "simulation/players/leftovers.hpp"

#include <string>

#include "simulation/players/ledger.hpp"
#include "simulation/world/descriptions.hpp"
#include "simulation/world/processes.hpp"

namespace conduit::simulation {

void check_nothing_is_left(std::size_t descriptors_before) {
  const process& own = current_process();
  constexpr nanoseconds patience = 5 * second;
  const nanoseconds deadline = the_world().now + patience;
  while (the_world().now < deadline &&
         (own.threads != 0 || own.descriptors.size() > descriptors_before)) {
    enter("waits for its threads to end");
    park(channel_of(current_task()), the_world().now + 10 * millisecond);
  }
  if (own.threads != 0) complain(std::to_string(own.threads) + " threads are left");
  if (own.descriptors.size() <= descriptors_before) return;
  std::string left = std::to_string(own.descriptors.size()) + " descriptors are left:";
  for (const auto& [fd, what] : own.descriptors) {
    left += std::string(" ") + what->kind();
    if (const auto* const file = dynamic_cast<const open_file*>(what))
      left += " " + std::string(some_name_of(*file->node));
  }
  complain(left);
}

}  // namespace conduit::simulation
