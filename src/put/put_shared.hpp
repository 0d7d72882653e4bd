// What the parts of one writer share.
#pragma once

#include "io/completion_port.hpp"
#include "io/file_io.hpp"
#include "put/delivery.hpp"
#include "put/mutable_file.hpp"
#include "put/pending_puts.hpp"
#include "put/put_counters.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

// Lives in the writer. `home` is the port of the context that runs the writer's coroutine.
struct put_shared {
  put_shared(store_state& of_store, io::file_io& its_disk, io::completion_port& its_home)
      : state(of_store),
        disk(its_disk),
        home(its_home),
        puts(disk, state.how.pending_put_bytes),
        ended(home),
        file(state, disk, home) {}

  store_state& state;
  io::file_io& disk;
  io::completion_port& home;
  pending_puts puts;
  delivery ended;
  mutable_file file;
  put_counters counted;
};

}  // namespace conduit::detail
