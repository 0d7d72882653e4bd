// The list of stored blobs: a line `LOCATION<TAB>PATH` for each blob, with backslash, tab and
// newline of a path escaped.
#pragma once

#include <conduit/data_location.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace conduit::cli {

// Backslash, tab and newline are written `\\`, `\t`, `\n`; everything else stays, byte for byte.
std::string escape_path(std::string_view path);
// False if `text` has another escape.
bool unescape_path(std::string_view text, std::string& path);

// Includes the newline.
std::string manifest_line(const data_location& location, std::string_view path);

struct manifest_entry {
  manifest_entry(const data_location& where, std::string name)
      : location(where), path(std::move(name)) {}

  data_location location;
  std::string path;
};

// Throws `failure` naming the invalid line.
std::vector<manifest_entry> read_manifest(const std::string& file);

}  // namespace conduit::cli
