// A directory beside the store's, for file systems without O_TMPFILE: files wait there for their
// name.
#pragma once

#include <string>
#include <system_error>

#include "base/unique_fd.hpp"

namespace conduit::io {

// Opens the directory, creating it (mode 0700) if it is missing and `create` is true. Never through
// a link.
std::error_code open_spool_directory(const std::string& path, bool create, unique_fd& opened);
// Removes the directory if it is empty.
void remove_spool_directory(const std::string& path) noexcept;

}  // namespace conduit::io
