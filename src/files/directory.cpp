#include "files/directory.hpp"

#include <algorithm>
#include <cerrno>

namespace conduit::files {

std::optional<std::uint32_t> listing::highest_number() const noexcept {
  if (files.empty()) return std::nullopt;
  return files.back().number;
}

bool listing::contains(std::uint32_t number) const noexcept {
  const auto found = std::lower_bound(
      files.begin(), files.end(), number,
      [](const file_id& file, std::uint32_t wanted) { return file.number < wanted; });
  return found != files.end() && found->number == number;
}

std::int64_t list_files(io::file_io& disk, int directory, listing& found) {
  found.files.clear();
  std::vector<std::string> names;
  const std::int64_t result = disk.list(directory, names);
  if (result < 0) return result;
  for (const std::string& name : names) {
    if (const auto file = parse_file_name(name)) found.files.push_back(*file);
  }
  std::sort(found.files.begin(), found.files.end(), [](const file_id& a, const file_id& b) {
    return a.number != b.number ? a.number < b.number : a.form < b.form;
  });
  return 0;
}

std::int64_t find_mutable(io::file_io& disk, int directory, const listing& files,
                          std::optional<file_id>& found, std::vector<file_id>& foreign) {
  found.reset();
  for (auto file = files.files.rbegin(); file != files.files.rend(); ++file) {
    io::file_status status;
    const std::int64_t result = disk.status_at(directory, file_name(*file).c_str(), status);
    if (result == -ENOENT) continue;
    if (result < 0) return result;
    if (status.regular) {
      found = *file;
      return 0;
    }
    foreign.push_back(*file);
  }
  return 0;
}

}  // namespace conduit::files
