// A simulated process that uses the library: it obeys what the director puts on its seat.
#pragma once

namespace conduit::simulation {

[[noreturn]] void play_store();

}  // namespace conduit::simulation
