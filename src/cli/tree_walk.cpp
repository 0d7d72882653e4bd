#include "cli/tree_walk.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace conduit::cli {
namespace {

namespace fs = std::filesystem;

std::string_view word_of(fs::file_type type) {
  switch (type) {
    case fs::file_type::symlink:
      return "a symbolic link";
    case fs::file_type::fifo:
      return "a FIFO";
    case fs::file_type::socket:
      return "a socket";
    case fs::file_type::block:
    case fs::file_type::character:
      return "a device";
    default:
      return "not a regular file";
  }
}

// A type in the directory entry costs no system call; file systems that give none are asked for
// each entry.
fs::file_type type_of(const fs::directory_entry& entry) {
  std::error_code ignored;
  if (entry.is_symlink(ignored)) return fs::file_type::symlink;
  if (entry.is_directory(ignored)) return fs::file_type::directory;
  if (entry.is_regular_file(ignored)) return fs::file_type::regular;
  return fs::file_type::none;
}

}  // namespace

std::optional<file_identity> identity_of(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  return file_identity{found.st_dev, found.st_ino};
}

bool contains(const std::vector<file_identity>& files, const file_identity& one) noexcept {
  return std::find(files.begin(), files.end(), one) != files.end();
}

tree_walk::tree_walk(std::vector<std::string> roots, std::vector<file_identity> excluded,
                     passed_over on_passed_over, unreadable on_unreadable)
    : excluded_(std::move(excluded)),
      on_passed_over_(std::move(on_passed_over)),
      on_unreadable_(std::move(on_unreadable)) {
  level& top = levels_.emplace_back();
  for (auto root = roots.rbegin(); root != roots.rend(); ++root)
    top.children.push_back({std::move(*root), fs::file_type::none});
}

void tree_walk::enter(const std::string& directory) {
  const auto identity = identity_of(directory);
  if (identity && contains(excluded_, *identity)) {
    on_passed_over_(directory, "the store's own");
    return;
  }
  level found;
  found.prefix = directory.ends_with('/') ? directory : directory + '/';
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    found.children.push_back({entry->path().filename().native(), type_of(*entry)});
  }
  if (error) on_unreadable_(directory, error);
  std::sort(found.children.begin(), found.children.end(),
            [](const child& one, const child& other) { return one.name > other.name; });
  levels_.push_back(std::move(found));
}

std::optional<std::string> tree_walk::next() {
  std::lock_guard hold(mutex_);
  while (!levels_.empty()) {
    level& here = levels_.back();
    if (here.children.empty()) {
      levels_.pop_back();
      continue;
    }
    const child next = std::move(here.children.back());
    here.children.pop_back();
    std::string path = here.prefix + next.name;
    fs::file_type type = next.type;
    std::error_code error;
    if (type == fs::file_type::none) type = fs::symlink_status(path, error).type();
    if (type == fs::file_type::none || type == fs::file_type::not_found) {
      on_unreadable_(path,
                     error ? error : std::make_error_code(std::errc::no_such_file_or_directory));
    } else if (type == fs::file_type::directory) {
      enter(path);
    } else if (type == fs::file_type::regular) {
      return path;
    } else {
      on_passed_over_(path, word_of(type));
    }
  }
  return std::nullopt;
}

}  // namespace conduit::cli
