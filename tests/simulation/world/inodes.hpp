// The disk of a simulated machine, which tells what is on the medium from what is only in the page
// cache: every unsynced sector and every unsynced name is kept or lost by itself when the power
// fails, and a failed sync loses what it was to save. No real file system is as forgetful.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "simulation/world/world.hpp"

namespace conduit::simulation {

struct inode;
struct change_queue;
struct open_file;

// What one write or truncation changed, while it is not on the medium.
struct change {
  std::uint64_t offset = 0;  // of a truncation: the new size
  shared_string bytes;
  bool truncates = false;
};

struct name_change {
  shared_string name;
  inode* target = nullptr;  // null: the name was removed
};

struct change_watch {
  change_queue* queue = nullptr;
  int number = 0;
  std::uint32_t mask = 0;
};

// A file, or a directory.
struct inode {
  inode() = default;
  inode(const inode&) = delete;
  inode& operator=(const inode&) = delete;
  ~inode();

  std::uint64_t number = 0;
  bool is_directory = false;
  std::uint64_t links = 0;  // names that any process sees
  unsigned opened = 0;      // descriptions
  nanoseconds created = 0;
  nanoseconds modified = 0;
  bool slow = false;  // to sync

  shared_string cached;           // what any process sees
  shared_string durable;          // what a power failure leaves at least
  shared_vector<change> pending;  // between the two, in order
  unsigned errors = 0;            // of writing back, so far
  unsigned errors_reported = 0;   // those of which some description has learned

  inode* parent = nullptr;
  shared_map<shared_string, inode*> names;
  shared_map<shared_string, inode*> durable_names;
  shared_vector<name_change> pending_names;

  shared_vector<open_file*> locked_by;
  // The older kind of lock belongs to a process, through whichever description, and goes with any
  // that is closed.
  shared_map<const process*, bool> locked_by_process;  // true: exclusively
  shared_vector<change_watch> watches;

  // Of a copy that shares it, see `backup`: what must never change.
  std::optional<shared_string> kept;
  // Of a mutable file that somebody damaged: in doubt, it is never written again.
  std::optional<shared_string> doubtful;
  // Of a poisoned one: nothing is appended to it any more; of a compressed one the end is mended.
  std::optional<shared_string> closed;
};

// How a write back may go.
struct disk_faults {
  unsigned sync_failures = 0;  // percent: the sync fails, and each unsynced change is lost or not
  unsigned write_back_failures =
      0;  // percent of the moments at which the kernel writes by itself: the next sync tells
  unsigned sync_lies = 0;  // percent: it says that all is well, and did nothing
};

struct disk {
  inode* root = nullptr;
  shared_vector<inode*> inodes;  // all, with those that only the medium knows
  std::uint64_t capacity = UINT64_MAX;
  std::uint64_t highest_number = 0;  // of an inode, ever
  disk_faults faults;
};

enum class survival : std::uint8_t { nothing, everything, each_by_chance };

// An empty disk, with its root.
disk* make_disk();
// The names below the last "/" of a path that begins with the root's; null where there is none.
inode* look_up(std::string_view path);
inode* look_up_in(const inode& directory, std::string_view name);
// For the story.
std::string_view some_name_of(const inode& file) noexcept;
std::uint64_t used_bytes();

inode& create_inode(bool directory);
void add_name(inode& directory, std::string_view name, inode& target);
void remove_name(inode& directory, std::string_view name);
// Forgets what nobody can reach any more, on the medium either.
void collect_garbage();

// The bytes that were written: fewer where the disk is full, or -ENOSPC.
std::int64_t write_bytes(inode& file, std::uint64_t offset, std::string_view bytes);
std::int64_t truncate(inode& file, std::uint64_t size);
// To the medium. `errors_seen` is the description's.
std::int64_t sync_content(inode& file, unsigned& errors_seen);
std::int64_t sync_names(inode& directory, unsigned& errors_seen);
// A sync that fails: what it was to save is lost, or not, each by itself; other descriptions hear
// of it with their next.
void fail_sync(inode& file, unsigned& errors_seen);
// In the kernel's own time: the next sync tells how it went.
void write_back(inode& file);

// Nobody has anything open any more; what comes back is what is on the medium then.
void lose_power(survival unsynced);

}  // namespace conduit::simulation
