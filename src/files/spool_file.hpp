// A file that is written beside the store and gets its name when it is finished. Until then it has
// no name (O_TMPFILE), so that a kill leaves nothing behind and no original trips over it. If the
// file system does not support that, the file stands in a sibling of the data directory, DIR.tmp,
// under a name that no store uses, and its writer locks it: a file there that can be locked was
// left by a killed writer. Blocking.
#pragma once

#include <string>
#include <system_error>

#include "base/fork_guard.hpp"
#include "base/unique_fd.hpp"
#include "files/file_name.hpp"
#include "io/file_io.hpp"

namespace conduit::files {

class spool_file {
 public:
  explicit spool_file(io::file_io& disk) : disk_(disk) {}
  spool_file(const spool_file&) = delete;
  spool_file& operator=(const spool_file&) = delete;
  // Removes a file that has no name yet.
  ~spool_file();

  // Begins the file that will become `target` in `directory`, whose path is `directory_path`. One
  // at a time for each target: the caller excludes others.
  std::error_code create(int directory, const std::string& directory_path, file_id target,
                         unsigned permissions);

  int fd() const noexcept { return fd_.get(); }

  // Gives the file its name. `std::errc::file_exists` if the name is taken; then nothing was
  // changed.
  std::error_code link();

 private:
  std::error_code create_in_sibling(unsigned permissions);

  io::file_io& disk_;
  int directory_ = -1;
  std::string sibling_path_;
  std::string sibling_name_;
  file_id target_;
  unique_fd fd_;
  closed_on_fork fork_guard_{-1};
  unique_fd sibling_;  // open if the file stands there
};

// Removes files that killed writers left beside the store at `directory_path`. Files that cannot be
// removed stay.
void remove_abandoned_spool_files(io::file_io& disk, const std::string& directory_path);

}  // namespace conduit::files
