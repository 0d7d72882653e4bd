#include "simulation/players/play_store.hpp"

#include <memory>

#include "simulation/players/forks.hpp"
#include "simulation/players/leftovers.hpp"
#include "simulation/players/store_player.hpp"
#include "simulation/world/processes.hpp"

namespace conduit::simulation {

namespace {

void fork_between_calls(store_player* present, const step& start) {
  const forked_as now = fork_now();
  if (now != forked_as::parent)
    play_child(now == forked_as::child_alone ? present : nullptr, start);
}

}  // namespace

void play_store() {
  ledger& all = the_ledger();
  seat& own = all.seats[current_process().number];
  std::unique_ptr<store_player> player;
  step start;
  const auto descriptors_before = current_process().descriptors.size();
  for (;;) {
    while (own.steps.empty()) {
      enter("waits for a step");
      if (own.steps.empty()) park(channel_of(&own.steps));
    }
    const step next = own.steps.front();
    own.steps.pop_front();
    own.busy = true;
    if (next.what == verb::start) {
      // A writer before it may have something left to write.
      const bool reads = store_player::is_read_only(next);
      current_process().may_only_read =
          reads && (player == nullptr || store_player::is_read_only(start));
      start = next;
      player = std::make_unique<store_player>(next);
      current_process().may_only_read = reads;
    } else if (next.what == verb::fork) {
      if (next.with[1] != 0 && player) {
        player->fork_in_handler();
      } else {
        fork_between_calls(player.get(), start);
      }
    } else if (next.what == verb::destroy || next.what == verb::finish) {
      meet(trouble::destruction, &current_process());
      player.reset();
      if (own.pending != 0) complain("operations are pending behind the end of their contexts");
      if (next.what == verb::finish) break;
    } else if (player) {
      player->obey(next);
    }
    own.busy = false;
  }
  check_nothing_is_left(descriptors_before);
  own.busy = false;
  exit_here();
}

}  // namespace conduit::simulation
