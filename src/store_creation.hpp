// The directory of a store comes to be.
#pragma once

#include <string>

namespace conduit::detail {

// Creates the directory where it is missing, and syncs its entry, or the store could vanish with
// everything in it. Whoever finds a store without files waits for one that is still at it, half a
// second at most. Creates the lock file, with `lock_mode`. Throws std::system_error; the directory
// is gone again then.
void create_store_directory(const std::string& path, const std::string& lock_path,
                            unsigned lock_mode);

// For those that make nothing, once they have it open: one that is still being made may be removed
// again, and then nothing would ever come to stand in `opened`. As if it were not there yet, throws
// ENOENT.
void require_finished_directory(int opened, const std::string& path, const std::string& lock_path);

}  // namespace conduit::detail
