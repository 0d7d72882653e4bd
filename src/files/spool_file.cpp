#include "files/spool_file.hpp"

#include <cerrno>
#include <string_view>
#include <vector>

#include "base/os_error.hpp"
#include "io/spool_directory.hpp"

namespace conduit::files {

namespace {

std::string sibling_path_of(const std::string& directory_path) { return directory_path + ".tmp"; }

// Not a data file's name: `DIR.tmp` may be somebody's store.
constexpr std::string_view name_prefix = "sealing_";

bool is_spool_name(std::string_view name) {
  return name.starts_with(name_prefix) && name.size() > name_prefix.size() &&
         name.find_first_not_of("0123456789", name_prefix.size()) == std::string_view::npos;
}

// Others remove an empty sibling, and files in it that they can lock.
constexpr int attempts_max = 16;

bool stands_there(io::file_io& disk, int directory, const char* name, int fd) {
  io::file_status open_file;
  io::file_status named;
  return disk.status(fd, open_file) >= 0 && disk.status_at(directory, name, named) >= 0 &&
         open_file.same_file(named);
}

bool remove_if_abandoned(io::file_io& disk, int directory, const char* name) {
  const std::int64_t fd = disk.open(directory, name, io::open_mode::read_write, 0);
  if (fd < 0) return false;
  const unique_fd opened(static_cast<int>(fd));
  // Under the lock, so that nobody adopts the file that is about to go.
  return disk.try_lock(opened.get()) >= 0 && stands_there(disk, directory, name, opened.get()) &&
         disk.remove(directory, name) >= 0;
}

// Not every file system supports O_TMPFILE, and old kernels take its flags for those of a
// directory.
bool is_unsupported(std::int64_t result) {
  return result == -EOPNOTSUPP || result == -EISDIR || result == -ENOENT || result == -EINVAL ||
         result == -ENOSYS;
}

}  // namespace

spool_file::~spool_file() {
  if (sibling_) {
    if (fd_) disk_.remove(sibling_.get(), sibling_name_.c_str());
    io::remove_spool_directory(sibling_path_);
  }
  fork_guard_.replace(-1);
}

std::error_code spool_file::create(int directory, const std::string& directory_path, file_id target,
                                   unsigned permissions) {
  directory_ = directory;
  target_ = target;
  sibling_path_ = sibling_path_of(directory_path);
  sibling_name_ = std::string(name_prefix) + std::to_string(target.number);
  const std::int64_t fd = disk_.open(directory, ".", io::open_mode::unnamed, permissions);
  if (is_unsupported(fd)) return create_in_sibling(permissions);
  if (fd < 0) return os_error(fd);
  fd_ = unique_fd(static_cast<int>(fd));
  return {};
}

std::error_code spool_file::create_in_sibling(unsigned permissions) {
  const char* const name = sibling_name_.c_str();
  std::error_code error;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    error = io::open_spool_directory(sibling_path_, true, sibling_);
    if (error == std::errc::no_such_file_or_directory) continue;
    if (error) return error;
    const std::int64_t fd = disk_.open(sibling_.get(), name, io::open_mode::create, permissions);
    error = os_error(fd);
    if (error == std::errc::file_exists) remove_if_abandoned(disk_, sibling_.get(), name);
    if (error == std::errc::file_exists || error == std::errc::no_such_file_or_directory) continue;
    if (error) return error;
    fd_ = unique_fd(static_cast<int>(fd));
    fork_guard_.replace(fd_.get());
    // Between creation and lock another process may have taken the file for abandoned.
    error = os_error(disk_.try_lock(fd_.get()));
    if (!error && stands_there(disk_, sibling_.get(), name, fd_.get())) return {};
    fork_guard_.replace(-1);
    fd_.reset();
    if (error && error != std::errc::resource_unavailable_try_again) return error;
  }
  return error ? error : std::make_error_code(std::errc::device_or_resource_busy);
}

std::error_code spool_file::link() {
  return os_error(disk_.link(fd_.get(), directory_, file_name(target_).c_str()));
}

void remove_abandoned_spool_files(io::file_io& disk, const std::string& directory_path) {
  unique_fd sibling;
  if (io::open_spool_directory(sibling_path_of(directory_path), false, sibling)) return;
  std::vector<std::string> names;
  if (disk.list(sibling.get(), names) < 0) return;
  bool removed = false;
  for (const std::string& name : names) {
    if (is_spool_name(name))
      removed = remove_if_abandoned(disk, sibling.get(), name.c_str()) || removed;
  }
  if (removed) io::remove_spool_directory(sibling_path_of(directory_path));
}

}  // namespace conduit::files
