#include "simulation/calls/places.hpp"

#include <fcntl.h>

#include "simulation/world/processes.hpp"

namespace conduit::simulation {

namespace {

constexpr std::string_view root = "/world";
}  // namespace

open_file* file_of(int fd) noexcept { return description_as<open_file>(fd); }

place find_place(int directory, std::string_view path) {
  if (const open_file* const base = file_of(directory)) {
    // A directory that was removed takes nothing any more.
    if (base->node->is_directory && base->node->links == 0 && path != "." && path != "..")
      return {};
    return {base->node, path};
  }
  path.remove_prefix(root.size());
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {the_world().storage->root, "."};
  return {look_up(path.substr(0, slash)), path.substr(slash + 1)};
}

inode* find(const place& where) {
  if (where.directory == nullptr) return nullptr;
  if (where.name == "." || where.name.empty()) return where.directory;
  if (where.name == "..") return where.directory->parent;
  return look_up_in(*where.directory, where.name);
}

bool is_ours(int directory, const char* path) noexcept {
  if (!in_world()) return false;
  if (path[0] != '/') return file_of(directory) != nullptr;
  const std::string_view text(path);
  return text.starts_with(root) && (text.size() == root.size() || text[root.size()] == '/');
}

inode* inode_of_path(const char* path) { return find(find_place(AT_FDCWD, path)); }

}  // namespace conduit::simulation
