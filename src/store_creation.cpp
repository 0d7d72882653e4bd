#include "store_creation.hpp"

#include <conduit/error.hpp>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <thread>

#include "base/fork_guard.hpp"
#include "base/os_error.hpp"
#include "base/unique_fd.hpp"
#include "base/whole_file.hpp"
#include "lock/lock_record.hpp"

namespace conduit::detail {

namespace {

constexpr unsigned directory_mode = 0700;
constexpr off_t record_size = lock::lock_record::encoded_size;

// The store's lock, and a mark in its file, behind the record, that the directory is not finished.
// Nobody keeps the lock for long while a store is empty: the constructor waits for half a second,
// and `held` tells whether that was enough. The mark is for the holder of the lock.
class creation_lock {
 public:
  creation_lock(const std::string& path, unsigned mode)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode)),
        fork_guard_(fd_.get()) {
    if (!fd_) throw std::system_error(open_error(-errno), path);
    struct stat found{};
    if (::fstat(fd_.get(), &found) != 0 || !S_ISREG(found.st_mode))
      throw std::system_error(errc::not_a_regular_file, path);
    constexpr int attempts = 500;
    constexpr std::chrono::milliseconds pause{1};
    for (int i = 0; i < attempts && !held_; ++i) {
      held_ = set(F_WRLCK) == 0;
      if (!held_) std::this_thread::sleep_for(pause);
    }
  }
  creation_lock(const creation_lock&) = delete;
  creation_lock& operator=(const creation_lock&) = delete;
  // Unlocks explicitly: a child that was just forked may share the description, and would keep the
  // lock.
  ~creation_lock() { set(F_UNLCK); }

  bool held() const noexcept { return held_; }
  bool finds_mark() const noexcept { return size() > record_size; }
  // On failure these two leave the reason in errno.
  bool set_mark() noexcept {
    size_before_ = std::min(size(), record_size);
    return ::pwrite(fd_.get(), "", 1, record_size) == 1;
  }
  bool clear_mark() const noexcept { return ::ftruncate(fd_.get(), size_before_) == 0; }

 private:
  off_t size() const noexcept {
    struct stat found{};
    return ::fstat(fd_.get(), &found) == 0 ? found.st_size : 0;
  }
  int set(short type) const noexcept {
    struct flock whole = whole_file(type);
    return ::fcntl(fd_.get(), F_OFD_SETLK, &whole);
  }

  const unique_fd fd_;
  const closed_on_fork fork_guard_;
  bool held_ = false;
  off_t size_before_ = 0;
};

void sync_parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const std::string named = parent.empty() ? "." : parent;
  const unique_fd directory(::open(named.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) throw std::system_error(os_error(-errno), named);
}

// The iterators of libstdc++ end the program if they have no memory for a name.
bool has_entries(const std::string& path) noexcept {
  unique_fd opened(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opened ? ::fdopendir(opened.get()) : nullptr,
                                                      ::closedir);
  if (!directory) return false;
  static_cast<void>(opened.release());
  while (const dirent* const entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return true;
  }
  return false;
}

}  // namespace

// A second sync may succeed although the first one lost the entry. So a directory whose sync failed
// is removed again. If a process was killed before it finished the directory, the next one finds
// the mark and begins anew.
void create_store_directory(const std::string& path, const std::string& lock_path,
                            unsigned lock_mode) {
  if (has_entries(path)) return;
  creation_lock lock(lock_path, lock_mode);
  // Another process may have finished the directory while this one waited for the lock.
  const bool unfinished = lock.finds_mark();
  std::error_code unknown;
  if (!unfinished && std::filesystem::exists(path, unknown)) return;
  if (!lock.held()) throw std::system_error(errc::locked, path + ": another process is making it");
  if (!lock.set_mark()) throw std::system_error(os_error(-errno), lock_path);
  // If the directory cannot be removed the mark stays. The directory is not empty if an original,
  // which knows no mark, already uses it.
  const bool removed =
      !unfinished || ::rmdir(path.c_str()) == 0 || errno == ENOENT || errno == ENOTEMPTY;
  if (!removed) throw std::system_error(os_error(-errno), path);
  if (::mkdir(path.c_str(), directory_mode) != 0) {
    const int error = errno;
    const bool cleared = lock.clear_mark();
    if (error == EEXIST && cleared) return;
    throw std::system_error(os_error(-error), path);
  }
  try {
    sync_parent_of(path);
  } catch (const std::system_error&) {
    if (::rmdir(path.c_str()) == 0) static_cast<void>(lock.clear_mark());
    throw;
  }
  // A mark that stays would make the next process remove the directory that this one uses.
  if (!lock.clear_mark()) throw std::system_error(os_error(-errno), lock_path);
}

// In this order: without a mark the directory was finished or removed, and if it still has its name
// it was not removed.
void require_finished_directory(int opened, const std::string& path, const std::string& lock_path) {
  struct stat lock{};
  const bool marked =
      ::lstat(lock_path.c_str(), &lock) == 0 && S_ISREG(lock.st_mode) && lock.st_size > record_size;
  struct stat own{};
  struct stat named{};
  if (::fstat(opened, &own) != 0 || ::stat(path.c_str(), &named) != 0)
    throw std::system_error(os_error(-errno), path);
  const bool stands = own.st_ino == named.st_ino && own.st_dev == named.st_dev;
  if (!stands || (marked && !has_entries(path)))
    throw std::system_error(os_error(-ENOENT), path + ": it is still being made");
}

}  // namespace conduit::detail
