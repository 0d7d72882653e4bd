// A lock over a whole file, for fcntl.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace conduit {

// `type`: F_RDLCK, F_WRLCK or F_UNLCK.
inline struct flock whole_file(short type) noexcept {
  struct flock whole{};
  whole.l_type = type;
  whole.l_whence = SEEK_SET;
  return whole;
}

}  // namespace conduit
