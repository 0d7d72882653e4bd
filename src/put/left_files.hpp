// Files that the writer has left are synced while puts go on.
#pragma once

#include <memory>

#include "io/file_io.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

// One of them. Does not wait; without a thread it stays unsynced, for `sync`.
void sync_behind(store_state& state, io::file_io& disk, const std::shared_ptr<append_file>& left);

// The oldest where there are more than a few. By then the kernel has written most of it, so this
// costs little, and descriptors do not pile up in a program that never calls `sync`.
void sync_oldest_behind(store_state& state, io::file_io& disk);

}  // namespace conduit::detail
