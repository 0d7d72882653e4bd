// Syncs files that the writer has left, while puts go on.
#pragma once

#include <memory>

#include "io/file_io.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

// Syncs one file. Does not wait; without a thread the file stays unsynced, for `sync`.
void sync_behind(store_state& state, io::file_io& disk, const std::shared_ptr<append_file>& left);

// Syncs the oldest file if there are more than a few. By then the kernel has written most of it, so
// this costs little, and descriptors do not pile up in a program that never calls `sync`.
void sync_oldest_behind(store_state& state, io::file_io& disk);

}  // namespace conduit::detail
