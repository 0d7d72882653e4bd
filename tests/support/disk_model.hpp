// A disk in memory that tells what is on the medium from what is only in the page cache: the power can fail at any call, syncs can fail
// and lose what they were to save, and a process can be killed at any of its calls. Behind the seam it stands in the place of the kernel
// and one file system, more forgetful than any real one: every unsynced sector and every unsynced name is kept or lost by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "io/file_io.hpp"

namespace conduit::test {

using random_numbers = std::mt19937_64;

// True in about `percent` of a hundred cases.
bool chance(random_numbers& random, unsigned percent);

// What a power failure leaves of the changes that were not synced.
enum class survival { nothing, everything, each_by_chance };

// The files of one directory, and its lock file: a value, so that a test can keep the state before any call.
class disk_state {
 public:
  // What comes back after the power failed: only what is on the medium then.
  disk_state after_power_failure(random_numbers& random, survival unsynced) const;

 private:
  friend class model_disk;
  friend class model_process;

  struct change {
    std::uint64_t offset = 0;  // of a truncation: the new size
    std::string bytes;
    bool truncates = false;
  };
  struct file {
    std::string cached;            // what every process sees
    std::string durable;           // what a power failure leaves at least
    std::vector<change> pending;   // between the two, in order
    unsigned errors = 0;           // of writing back, so far
    unsigned errors_reported = 0;  // those of which some description has learned
  };
  struct name_change {
    std::string name;
    std::optional<std::uint64_t> inode;  // nothing: the name was removed
  };

  static void apply(const change& one, std::string& content);
  static void apply(const name_change& one, std::map<std::string, std::uint64_t>& names);
  static void keep_some(const change& one, std::string& content, random_numbers& random);
  void collect_garbage();

  std::map<std::uint64_t, file> files_;  // by inode number
  std::map<std::string, std::uint64_t> names_;
  std::map<std::string, std::uint64_t> durable_names_;
  std::vector<name_change> pending_names_;
  unsigned directory_errors_ = 0;
  std::uint64_t next_inode_ = 1;
};

class model_process;

// The machine: one state that changes with every call. Thread-safe.
class model_disk : public std::enable_shared_from_this<model_disk> {
 public:
  // Each in percent of the calls it concerns.
  struct troubles {
    unsigned sync_failures = 0;        // a sync fails, and each unsynced change is lost or not
    unsigned write_back_failures = 0;  // the same happens in the kernel's own time: the next sync of the file reports it
    unsigned full = 0;                 // a write finds no room for all its bytes
    unsigned write_failures = 0;       // a write moves some of its bytes and fails
    bool any() const noexcept { return sync_failures != 0 || write_back_failures != 0 || full != 0 || write_failures != 0; }
  };

  model_disk(disk_state begin, std::uint64_t seed, troubles what);

  // How many calls have changed something so far, and the state after the first so many of them.
  std::size_t changes() const;
  disk_state state_after(std::size_t changes) const;
  // What each of them was, in words; acknowledgements and the like stand between them.
  std::vector<std::string> history(std::size_t changes) const;
  void note(const std::string& what);

  struct appended {
    std::uint32_t file = 0;
    std::uint64_t start = 0;
  };
  // What the Python original does in one holding of the lock: no record, no sync.
  appended append_as_original(const std::string& bytes, std::uint64_t max_file_size);
  disk_state state() const;

 private:
  friend class model_process;
  friend class model_io;

  struct description {
    std::uint64_t inode = 0;
    unsigned errors_seen = 0;
  };

  // All under the lock.
  disk_state::file* file_of(int fd);
  bool is_lock(std::uint64_t inode) const;
  void begin_change(std::string what);
  std::string name_of(std::uint64_t inode) const;
  std::uint64_t create(const std::string& name);
  std::uint64_t create_unnamed();
  void name(std::uint64_t inode, const std::string& name);
  void touch_directory();
  void write_back(disk_state::file& one, bool fails);
  std::int64_t write(int fd, const iovec* iov, unsigned count, std::uint64_t offset);
  std::int64_t sync_data(int fd);
  std::int64_t begin_write_back(int fd);
  std::int64_t sync_directory(unsigned& errors_seen);
  std::int64_t read(int fd, void* data, std::size_t size, std::uint64_t offset);
  std::int64_t truncate(int fd, std::uint64_t size);
  std::int64_t remove(const char* name);
  std::int64_t link(int fd, const char* name);
  std::int64_t list(std::vector<std::string>& names) const;
  std::int64_t open(const char* name, io::open_mode mode);
  std::int64_t status(int fd, io::file_status& found) const;
  std::int64_t status_at(const char* name, io::file_status& found) const;
  std::int64_t status_of(std::uint64_t inode, io::file_status& found) const;

  mutable std::mutex mutex_;
  disk_state now_;
  std::vector<disk_state> before_;
  std::vector<std::pair<std::size_t, std::string>> history_;  // each with the number of changes before it
  random_numbers random_;
  const troubles troubles_;
  std::map<int, description> open_files_;  // a number that was closed and came back is overwritten
  std::int64_t directory_modified_ns_ = 0;
  unique_fd lock_file_;  // real, because the lock is: without a name
};

// One process on the machine: it may have several disks, one for each of its parts.
class model_process : public std::enable_shared_from_this<model_process> {
 public:
  explicit model_process(std::shared_ptr<model_disk> machine);

  std::unique_ptr<io::file_io> attach(std::unique_ptr<io::file_io> real);

  // It dies just before its n-th change from now: nothing it does from then on has any effect.
  void kill_at_change(std::size_t n) noexcept;
  bool dead() const noexcept;

 private:
  friend class model_io;

  const std::shared_ptr<model_disk> machine_;
  unsigned directory_errors_seen_ = 0;
  std::optional<std::size_t> changes_left_;
  bool dead_ = false;
};

}  // namespace conduit::test
