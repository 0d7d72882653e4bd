// Where finished files wait for their name on file systems without O_TMPFILE: a directory beside
// the store's.
#pragma once

#include <string>
#include <system_error>

#include "base/unique_fd.hpp"

namespace conduit::io {

// Opens the directory, creating it (mode 0700) where it is missing and `create` says so. Never
// through a link.
std::error_code open_spool_directory(const std::string& path, bool create, unique_fd& opened);
// Where it is empty.
void remove_spool_directory(const std::string& path) noexcept;

}  // namespace conduit::io
