#include "put/foreign_objects.hpp"

#include <algorithm>

namespace conduit::detail {

void foreign_objects::report(const store_state& state, const std::vector<files::file_id>& found) {
  for (const files::file_id& file : found) {
    if (std::find(reported_.begin(), reported_.end(), file) != reported_.end()) continue;
    reported_.push_back(file);
    state.notify(event::kind::foreign_object,
                 files::file_name(file).text() +
                     " is no regular file; it is never opened, and new files are numbered above it",
                 file.number);
  }
}

}  // namespace conduit::detail
