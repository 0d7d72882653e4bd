#include "simulation/players/forks.hpp"

#include <unistd.h>

#include "simulation/players/store_player.hpp"
#include "simulation/world/processes.hpp"

namespace conduit::simulation {

forked_as fork_now() {
  const nanoseconds deadline = the_world().now + 2 * millisecond;
  while (!is_alone_awake() && the_world().now < deadline) {
    enter("waits to fork");
    park(channel_of(current_task()), the_world().now + 10 * microsecond);
  }
  the_ledger().seats.resize(the_world().processes.size() + 1);
  // The kernel's part of it makes no other thread run.
  const bool alone = is_alone_awake();
  if (::fork() != 0) return forked_as::parent;
  return alone ? forked_as::child_alone : forked_as::child;
}

void play_child(store_player* inherited, const step& start) {
  if (inherited != nullptr) inherited->be_inherited();
  current_process().may_only_read = store_player::is_read_only(start);
  {
    store_player own(start);
    for (const verb what : {verb::put, verb::get, verb::sync, verb::wait})
      own.obey({what, {0, 3, 200}});
  }
  exit_here();
}

}  // namespace conduit::simulation
