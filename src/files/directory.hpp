// The data directory: which numbers exist, in which forms, and which file is the mutable one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "files/file_name.hpp"
#include "io/file_io.hpp"

namespace conduit::files {

// What a listing of the directory found, in order of the numbers.
struct listing {
  std::vector<file_id> files;

  // Above all names, whatever stands under them; nothing for an empty directory.
  std::optional<std::uint32_t> highest_number() const noexcept;
  bool contains(std::uint32_t number) const noexcept;
};

// Calls the directory through `disk`; 0 or a negative errno.
std::int64_t list_files(io::file_io& disk, int directory, listing& found);

// The highest regular file: the mutable one. `foreign` gets the names above it that are something
// else. A file that vanishes between the listing and the look is passed over. Negative errno on
// failure; `found` is empty where there is none.
std::int64_t find_mutable(io::file_io& disk, int directory, const listing& files,
                          std::optional<file_id>& found, std::vector<file_id>& foreign);

}  // namespace conduit::files
