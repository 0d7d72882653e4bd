// Creates the directory of a store.
#pragma once

#include <string>

namespace conduit::detail {

// Creates the directory if it is missing, and syncs its entry, or the store could vanish with
// everything in it. A caller that finds a store without files waits for another process that is
// still making it, half a second at most. Creates the lock file, with `lock_mode`. Throws
// std::system_error; the directory is then gone again.
void create_store_directory(const std::string& path, const std::string& lock_path,
                            unsigned lock_mode);

// For callers that create nothing; call it once the directory is open. A directory that is still
// being made may be removed again, and then nothing would ever appear in `opened`. Throws ENOENT,
// as if the directory did not exist yet.
void require_finished_directory(int opened, const std::string& path, const std::string& lock_path);

}  // namespace conduit::detail
