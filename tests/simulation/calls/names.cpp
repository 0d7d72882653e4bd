// Names in directories, and what is to be known of the files that have them.
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "simulation/calls/answers.hpp"
#include "simulation/calls/places.hpp"
#include "simulation/calls/real.hpp"
#include "simulation/world/change_queue.hpp"
#include "simulation/world/faults.hpp"
#include "simulation/world/processes.hpp"

using namespace conduit::simulation;

namespace {

struct open_directory {
  shared_vector<shared_string> names;
  std::size_t next = 0;
  int fd = -1;
  dirent entry{};
};

void fill(struct stat& into, const inode& from) noexcept {
  into = {};
  into.st_dev = makedev(8, 1);
  into.st_ino = from.number;
  into.st_nlink = from.links;
  into.st_mode = from.is_directory ? S_IFDIR | 0700U : S_IFREG | 0600U;
  into.st_size = static_cast<off_t>(from.cached.size());
  into.st_mtim = time_of(CLOCK_REALTIME, from.modified);
}

std::int64_t unlink_ours(int directory, const char* name, bool a_directory) {
  enter("unlink");
  note_writer();
  const std::int64_t refused = refusal(kernel_call::remove);
  if (refused != 0) return refused;
  const place where = find_place(directory, name);
  const inode* const found = find(where);
  if (found == nullptr) return -ENOENT;
  if (found->is_directory != a_directory) return a_directory ? -ENOTDIR : -EISDIR;
  if (a_directory && !found->names.empty()) return -ENOTEMPTY;
  remove_name(*where.directory, where.name);
  return 0;
}

std::int64_t link_ours(int from, const char* path, int directory, const char* name) {
  enter("linkat");
  note_writer();
  const std::int64_t refused = refusal(kernel_call::link);
  if (refused != 0) return refused;
  int fd = from;
  constexpr std::string_view descriptors = "/proc/self/fd/";
  if (std::string_view(path).starts_with(descriptors)) fd = std::atoi(path + descriptors.size());
  open_file* const file = file_of(fd);
  const place where = find_place(directory, name);
  if (file == nullptr || where.directory == nullptr) return -ENOENT;
  if (find(where) != nullptr) return -EEXIST;
  add_name(*where.directory, where.name, *file->node);
  return 0;
}

std::int64_t status_ours(const inode* found, struct stat& into) {
  const std::int64_t refused = refusal(kernel_call::status);
  if (refused != 0) return refused;
  if (found == nullptr) return -ENOENT;
  fill(into, *found);
  return 0;
}

const inode* node_of(int fd) noexcept {
  const open_file* const file = file_of(fd);
  return file == nullptr ? nullptr : file->node;
}

}  // namespace

extern "C" {

int unlinkat(int directory, const char* name, int flags) noexcept {
  if (!is_ours(directory, name)) return CONDUIT_REAL(unlinkat)(directory, name, flags);
  return answered(unlink_ours(directory, name, (flags & AT_REMOVEDIR) != 0));
}

int rmdir(const char* path) noexcept {
  if (!is_ours(AT_FDCWD, path)) return CONDUIT_REAL(rmdir)(path);
  return answered(unlink_ours(AT_FDCWD, path, true));
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (!is_ours(AT_FDCWD, path)) return CONDUIT_REAL(mkdir)(path, mode);
  enter("mkdir");
  note_writer();
  const place where = find_place(AT_FDCWD, path);
  if (where.directory == nullptr) return answered(-ENOENT);
  if (find(where) != nullptr) return answered(-EEXIST);
  add_name(*where.directory, where.name, create_inode(true));
  return 0;
}

int linkat(int from, const char* path, int directory, const char* name, int flags) noexcept {
  if (!is_ours(directory, name)) return CONDUIT_REAL(linkat)(from, path, directory, name, flags);
  return answered(link_ours(from, path, directory, name));
}

int statx(int directory, const char* path, int flags, unsigned mask, struct statx* into) noexcept {
  if (!is_ours(directory, path)) return CONDUIT_REAL(statx)(directory, path, flags, mask, into);
  enter("statx");
  struct stat found{};
  const std::int64_t result =
      status_ours(path[0] == '\0' ? node_of(directory) : find(find_place(directory, path)), found);
  if (result != 0) return answered(result);
  *into = {};
  into->stx_mode = static_cast<std::uint16_t>(found.st_mode);
  into->stx_nlink = static_cast<std::uint32_t>(found.st_nlink);
  into->stx_ino = found.st_ino;
  into->stx_size = static_cast<std::uint64_t>(found.st_size);
  into->stx_mtime.tv_sec = found.st_mtim.tv_sec;
  into->stx_mtime.tv_nsec = static_cast<std::uint32_t>(found.st_mtim.tv_nsec);
  into->stx_dev_major = major(found.st_dev);
  into->stx_dev_minor = minor(found.st_dev);
  return 0;
}

int fstat(int fd, struct stat* into) noexcept {
  if (description_of(fd) == nullptr) return CONDUIT_REAL(fstat)(fd, into);
  enter("fstat");
  return answered(status_ours(node_of(fd), *into));
}

int lstat(const char* path, struct stat* into) noexcept {
  if (!is_ours(AT_FDCWD, path)) return CONDUIT_REAL(lstat)(path, into);
  enter("lstat");
  return answered(status_ours(find(find_place(AT_FDCWD, path)), *into));
}

int utimensat(int directory, const char* path, const timespec times[2], int flags) noexcept {
  if (!is_ours(directory, path)) return CONDUIT_REAL(utimensat)(directory, path, times, flags);
  enter("utimensat");
  inode* const found = find(find_place(directory, path));
  if (found == nullptr) return answered(-ENOENT);
  const std::int64_t refused = refusal(kernel_call::touch);
  if (refused == 0) report_change(*found, IN_ATTRIB, {});
  return answered(refused);
}

int stat(const char* path, struct stat* into) noexcept {
  if (!is_ours(AT_FDCWD, path)) return CONDUIT_REAL(stat)(path, into);
  return ::lstat(path, into);
}

int statfs(const char* path, struct statfs* into) noexcept {
  if (!is_ours(AT_FDCWD, path)) return CONDUIT_REAL(statfs)(path, into);
  *into = {};
  into->f_type = EXT4_SUPER_MAGIC;
  return 0;
}

DIR* fdopendir(int fd) {
  const open_file* const file = file_of(fd);
  if (file == nullptr) return CONDUIT_REAL(fdopendir)(fd);
  enter("fdopendir");
  const shelter own;
  auto* const made = new open_directory;
  made->fd = fd;
  for (const auto& [name, target] : file->node->names) made->names.push_back(name);
  return reinterpret_cast<DIR*>(made);
}

dirent* readdir(DIR* directory) {
  if (!in_world()) return CONDUIT_REAL(readdir)(directory);
  auto& open_one = *reinterpret_cast<open_directory*>(directory);
  if (open_one.next == 0) enter("readdir");
  const std::int64_t refused = refusal(kernel_call::list);
  if (refused != 0) errno = static_cast<int>(-refused);
  if (refused != 0 || open_one.next == open_one.names.size()) return nullptr;
  const shared_string& name = open_one.names[open_one.next++];
  const std::size_t size = std::min(name.size(), sizeof open_one.entry.d_name - 1);
  std::memcpy(open_one.entry.d_name, name.data(), size);
  open_one.entry.d_name[size] = '\0';
  return &open_one.entry;
}

int closedir(DIR* directory) {
  if (!in_world()) return CONDUIT_REAL(closedir)(directory);
  auto* const ours = reinterpret_cast<open_directory*>(directory);
  const int fd = ours->fd;
  delete ours;
  return ::close(fd);
}

}  // extern "C"
