#include "simulation/players/play_store.hpp"

#include <unistd.h>

#include "simulation/players/leftovers.hpp"
#include "simulation/players/store_player.hpp"
#include "simulation/world/processes.hpp"

namespace conduit::simulation {

namespace {

// A child of a fork is a process of its own, with a store of its own.
[[noreturn]] void play_child(store_player* inherited, const step& how) {
  if (inherited != nullptr) inherited->be_inherited();
  current_process().may_only_read = store_player::is_read_only(how);
  {
    store_player own(how);
    for (const verb what : {verb::put, verb::get, verb::sync, verb::wait}) own.obey({what, {0, 3, 200}});
  }
  exit_here();
}

// What other threads had locked stays locked in the child: there, Asio's contexts can be used only where nobody had.
void fork_now(store_player* present, const step& start) {
  const nanoseconds deadline = the_world().now + 2 * millisecond;
  while (!is_alone_awake() && the_world().now < deadline) {
    enter("waits to fork");
    park(channel_of(current_task()), the_world().now + 10 * microsecond);
  }
  the_ledger().seats.resize(the_world().processes.size() + 1);
  // The kernel's part of it makes no other thread run.
  const bool alone = is_alone_awake();
  if (::fork() == 0) play_child(alone ? present : nullptr, start);
}

}  // namespace

void play_store() {
  ledger& all = the_ledger();
  seat& own = all.seats[current_process().number];
  std::unique_ptr<store_player> player;
  step start;
  const auto descriptors_before = current_process().descriptors.size();
  for (;;) {
    while (own.steps.empty()) park(channel_of(&own.steps));
    const step next = own.steps.front();
    own.steps.pop_front();
    own.busy = true;
    if (next.what == verb::start) {
      // A writer before it may have something left to write.
      const bool reads = store_player::is_read_only(next);
      current_process().may_only_read = reads && (player == nullptr || store_player::is_read_only(start));
      start = next;
      player = std::make_unique<store_player>(next);
      current_process().may_only_read = reads;
    } else if (next.what == verb::fork) {
      fork_now(player.get(), start);
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
