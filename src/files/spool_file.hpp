// A file that is written beside the store and gets its name when it is finished. It has none until
// then (O_TMPFILE), so that nothing is left of it after a kill and no original trips over it. Where
// the file system cannot do that it stands in a sibling of the data directory, DIR.tmp, under a
// name that no store uses, and locked by its writer: what can be locked there was left by a killed
// one. Blocking.
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
  // Removes what has not got its name.
  ~spool_file();

  // Begins the file that is to become `target` in `directory`, whose path is `directory_path`. One
  // at a time for a target: whoever calls it holds off the others.
  std::error_code create(int directory, const std::string& directory_path, file_id target,
                         unsigned permissions);

  int fd() const noexcept { return fd_.get(); }

  // Gives it its name. `std::errc::file_exists` where something has that already, and nothing was
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
  unique_fd sibling_;  // open where the file stands there
};

// Removes what killed writers left beside the store at `directory_path`. Whatever cannot be removed
// stays.
void remove_abandoned_spool_files(io::file_io& disk, const std::string& directory_path);

}  // namespace conduit::files
