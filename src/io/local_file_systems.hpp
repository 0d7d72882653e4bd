// The file systems local to a machine: their record locks reach everybody who can open a file, and
// their rename and sync work as the protocol on disk assumes.
#pragma once

#include <string>

namespace conduit::io {

// Judges by the type that statfs(2) returns. False for unknown types: FUSE does not tell a disk
// from sshfs. True if the type cannot be found out, for example because the path does not exist.
bool is_on_local_file_system(const std::string& path) noexcept;

}  // namespace conduit::io
