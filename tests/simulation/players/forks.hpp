// Forks of a simulated process that uses the library.
#pragma once

#include "simulation/history/step.hpp"

namespace conduit::simulation {

class store_player;

enum class forked_as { parent, child, child_alone };

// What other threads had locked stays locked in the child: there, Asio's contexts can be used only
// where nobody had (`child_alone`).
forked_as fork_now();

// A child of a fork is a process of its own, with a store that is opened like its parent's.
// `inherited` is null where it cannot be used.
[[noreturn]] void play_child(store_player* inherited, const step& start);

}  // namespace conduit::simulation
