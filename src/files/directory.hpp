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

// A listing of the directory, ordered by number.
struct listing {
  std::vector<file_id> files;

  // The highest of all names, whatever they name; empty for an empty directory.
  std::optional<std::uint32_t> highest_number() const noexcept;
  bool contains(std::uint32_t number) const noexcept;
};

// Lists the directory through `disk`; returns 0 or a negative errno.
std::int64_t list_files(io::file_io& disk, int directory, listing& found);

// Finds the highest regular file: the mutable one. `foreign` receives the names above it that are
// no regular files. A file that vanishes between listing and look is skipped. Negative errno on
// failure; `found` is empty if there is none.
std::int64_t find_mutable(io::file_io& disk, int directory, const listing& files,
                          std::optional<file_id>& found, std::vector<file_id>& foreign);

}  // namespace conduit::files
