// Which file systems are a machine's own: those whose record locks reach everybody who can open a
// file, and on which a rename and a sync mean what the protocol on disk takes them for.
#pragma once

#include <string>

namespace conduit::io {

// By the type that statfs(2) tells. False for what is not known: of FUSE nobody can tell a disk
// from sshfs. True where the type cannot be found out, as where the path does not exist.
bool is_on_local_file_system(const std::string& path) noexcept;

}  // namespace conduit::io
