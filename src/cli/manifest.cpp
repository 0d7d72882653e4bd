#include "cli/manifest.hpp"

#include <fmt/format.h>

#include "cli/exit_status.hpp"
#include "cli/source_file.hpp"

namespace conduit::cli {

std::string escape_path(std::string_view path) {
  std::string text;
  text.reserve(path.size());
  for (char c : path) {
    switch (c) {
      case '\\':
        text += "\\\\";
        break;
      case '\t':
        text += "\\t";
        break;
      case '\n':
        text += "\\n";
        break;
      default:
        text += c;
    }
  }
  return text;
}

bool unescape_path(std::string_view text, std::string& path) {
  path.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      path += text[i];
      continue;
    }
    if (++i == text.size()) return false;
    switch (text[i]) {
      case '\\':
        path += '\\';
        break;
      case 't':
        path += '\t';
        break;
      case 'n':
        path += '\n';
        break;
      default:
        return false;
    }
  }
  return true;
}

std::string manifest_line(const data_location& location, std::string_view path) {
  return fmt::format("{}\t{}\n", location.to_string(), escape_path(path));
}

std::vector<manifest_entry> read_manifest(const std::string& file) {
  const source_bytes bytes = read_file(file);
  std::string_view rest = bytes.text();
  std::vector<manifest_entry> entries;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));

    const std::size_t tab = line.find('\t');
    std::error_code error;
    const data_location location = data_location::parse(line.substr(0, tab), error);
    std::string path;
    if (tab == std::string_view::npos || error || location.end < location.start ||
        !unescape_path(line.substr(tab + 1), path)) {
      throw failure(
          exit_status::usage,
          fmt::format("{}:{}: not a line of a manifest: expected LOCATION<TAB>PATH", file, number));
    }
    entries.emplace_back(location, std::move(path));
  }
  return entries;
}

}  // namespace conduit::cli
