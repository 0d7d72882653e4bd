// The exclusive lock of a store, for as long as it is held, and what is known under it. What only
// the holder may do takes this value as a parameter. The rules are those of docs/durability.md.
#pragma once

#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

#include "files/directory.hpp"
#include "lock/lock_record.hpp"

namespace conduit::lock {

class store_lock;

// How a sync of the directory ended. Where it was not begun, nothing is lost by the error.
struct directory_sync {
  std::error_code error;
  bool begun = false;
};

// Only `store_lock` makes one. The destructor lets go of the lock and leaves the record as it
// stands, which adds caution: a mark that it shows tells the next holder that a sync did not come
// back. `end` before it leaves the record that belongs there. In a forked child both do nothing.
//
// For one thread at a time. Calls that may wait for the disk for long say so.
class held_lock {
 public:
  held_lock(held_lock&& other) noexcept;
  held_lock& operator=(held_lock&& other) noexcept;
  ~held_lock();

  // ---- what others did since this lock was held last

  // True if the watch saw no change and the last complete look is recent.
  bool nothing_changed() noexcept;
  // Reads the record and looks at the directory. `stale`: the directory has to be listed. An error
  // leaves everything as it was; `errc::locked`: another lock file stands under the path, and this
  // lock excludes nobody.
  std::error_code look(bool& stale);
  // Blocking. `foreign` gets what stands above the mutable file and is no regular file.
  std::error_code list(std::vector<files::file_id>& foreign);
  // Says that the look was complete: `nothing_changed` then speaks of the time since `look`.
  void looked() noexcept;
  // Poisons the file whose mark another holder left: that one died before it could tell how its
  // sync ended. Without room for the record the mark stays, which tells the next holder the same.
  std::error_code take_over_mark();

  // ---- what is known

  const lock_record& record() const noexcept;
  // The record is of this boot, and of this directory.
  bool record_vouches() const noexcept;
  const files::listing& files() const noexcept;
  // The highest regular file: what is below is sealed. Nothing in an empty store.
  const std::optional<files::file_id>& mutable_file() const noexcept;
  std::optional<std::uint32_t> mutable_number() const noexcept;
  // A write or sync of it failed, or of its entry in the directory.
  bool mutable_poisoned() const noexcept;

  // A sync failed in this boot, of this file or a higher one: what the page cache shows of it need
  // not be what the disk holds.
  bool may_have_lost_writes(std::uint32_t number) const noexcept;

  // ---- what this holder does

  // The directory is about to change: other processes must list it again.
  std::error_code announce_change();
  // A sync of the file, or of its entry, begins. `end` takes the mark away.
  std::error_code mark_syncing(std::uint32_t number);
  // Nobody appends to this file, or a lower one, from now on. Where the record cannot be written,
  // this lock remembers it, and a mark stays for the others.
  std::error_code poison(std::uint32_t number);
  // Blocking. Under the mark of the mutable file: if its entry was not yet durable and the sync
  // fails, the entry may be lost although a second sync answers 0. Such a failure poisons that
  // file. `needs_no_mark`: without room for the mark it goes on without.
  directory_sync sync_directory(bool needs_no_mark);
  // The file was created. It is the mutable one, marked until its entry is known to be durable.
  std::error_code begin_file(files::file_id created);
  // The mutable file and its entry are durable: from here on a record may speak for this boot.
  std::error_code vouch();
  // The file is gone.
  void removed(std::uint32_t number);
  // The mutable file ends there. `at_once`: the record must say so, not only soon.
  void appended(std::uint32_t number, std::uint64_t end, bool at_once);

  // Leaves the record for the next holder.
  void end();

 private:
  friend class store_lock;
  explicit held_lock(store_lock& lock) noexcept;
  store_lock& here() const noexcept;

  store_lock* lock_;  // null once moved from
};

}  // namespace conduit::lock
