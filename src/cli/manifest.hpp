// The list of what was stored: a line `LOCATION<TAB>PATH` for each blob, with backslash, tab and
// newline of a path escaped.
#pragma once

#include <conduit/data_location.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace conduit::cli {

// Backslash, tab and newline are written `\\`, `\t`, `\n`; everything else stays, byte for byte.
std::string escape_path(std::string_view path);
// False where `text` has another escape.
bool unescape_path(std::string_view text, std::string& path);

// With its newline.
std::string manifest_line(const data_location& location, std::string_view path);

struct manifest_entry {
  manifest_entry(const data_location& where, std::string name)
      : location(where), path(std::move(name)) {}

  data_location location;
  std::string path;
};

// Throws `failure` naming the line that makes no sense.
std::vector<manifest_entry> read_manifest(const std::string& file);

}  // namespace conduit::cli
