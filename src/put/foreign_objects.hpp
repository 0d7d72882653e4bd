// Entries under the names of data files that are no regular files: a link, a directory, a FIFO.
#pragma once

#include <vector>

#include "files/directory.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

class foreign_objects {
 public:
  // Reports each of them once.
  void report(const store_state& state, const std::vector<files::file_id>& found);

 private:
  std::vector<files::file_id> reported_;
};

}  // namespace conduit::detail
