// A simulated process of the Python original, as far as its files and its lock are concerned.
#pragma once

namespace conduit::simulation {

[[noreturn]] void play_original();

}  // namespace conduit::simulation
