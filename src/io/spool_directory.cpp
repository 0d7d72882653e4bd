#include "io/spool_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/os_error.hpp"

namespace conduit::io {

std::error_code open_spool_directory(const std::string& path, bool create, unique_fd& opened) {
  if (create && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return os_error(-errno);
  opened = unique_fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return opened ? std::error_code{} : os_error(-errno);
}

void remove_spool_directory(const std::string& path) noexcept { ::rmdir(path.c_str()); }

}  // namespace conduit::io
