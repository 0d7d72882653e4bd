// The exclusive lock of a store, for as long as it is held, and the state known under it.
// Operations reserved to the holder take this value as a parameter. docs/durability.md states the
// rules.
#pragma once

#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

#include "files/directory.hpp"
#include "lock/lock_record.hpp"

namespace conduit::lock {

class store_lock;

// The outcome of a directory sync, or of the steps before it. If the sync was not begun, the error
// loses nothing.
struct directory_sync {
  std::error_code error;
  bool begun = false;
};

// Only `store_lock` makes one. The destructor releases the lock and leaves the record as it stands,
// which adds caution: a mark in the record tells the next holder that a sync did not return. A call
// of `end` before it leaves the final record. In a forked child the destructor does nothing.
//
// For one thread at a time. Calls that may wait long for the disk say so.
class held_lock {
 public:
  held_lock(held_lock&& other) noexcept;
  held_lock& operator=(held_lock&& other) noexcept;
  ~held_lock();

  // ---- what others did since this lock was held last

  // True if the watch saw no change and the last complete look is recent.
  bool nothing_changed() noexcept;
  // Reads the record and checks the directory. `stale`: the directory has to be listed. An error
  // leaves everything as it was; `errc::locked`: another lock file stands under the path, and this
  // lock excludes nobody.
  std::error_code look(bool& stale);
  // Blocking. `foreign` receives the entries above the mutable file that are no regular files.
  std::error_code list(std::vector<files::file_id>& foreign);
  // Marks the look as complete: `nothing_changed` then refers to the time since `look`.
  void looked() noexcept;
  // Poisons the file whose mark another holder left: that holder died before it could tell how its
  // sync ended. Without room for the record the mark stays, which tells the next holder the same.
  std::error_code take_over_mark();

  // ---- what is known

  const lock_record& record() const noexcept;
  // The record is of this boot, and of this directory.
  bool record_vouches() const noexcept;
  const files::listing& files() const noexcept;
  // The highest regular file; all files below it are sealed. Empty in an empty store.
  const std::optional<files::file_id>& mutable_file() const noexcept;
  std::optional<std::uint32_t> mutable_number() const noexcept;
  // A write or sync of the mutable file failed, or a sync of its directory entry.
  bool mutable_poisoned() const noexcept;

  // A sync of this file or a higher one failed in this boot: the page cache may show bytes that the
  // disk does not hold.
  bool may_have_lost_writes(std::uint32_t number) const noexcept;

  // ---- what this holder does

  // The directory is about to change: other processes must list it again.
  std::error_code announce_change();
  // A sync of the file, or of its entry, begins. `end` clears the mark.
  std::error_code mark_syncing(std::uint32_t number);
  // Nobody appends to this file, or a lower one, from now on. If the record cannot be written, this
  // lock remembers the number, and a mark stays for the others.
  std::error_code poison(std::uint32_t number);
  // Blocking. Sets the mark of the mutable file first: if its entry was not yet durable and the
  // sync fails, the entry may be lost although a second sync answers 0. Such a failure poisons that
  // file. Without room for the mark the sync goes on only if it cannot do that harm.
  directory_sync sync_directory();
  // The file was created. It is now the mutable file, marked until its entry is known to be
  // durable: sync the directory next. After an error it is not, and the caller removes it.
  std::error_code name_new_file(files::file_id created);
  // The mutable file and its entry are durable: from here on a record may speak for this boot.
  std::error_code vouch();
  // The file is gone.
  void removed(std::uint32_t number);
  // The mutable file, whose entry is durable, now ends at `end`. `at_once`: the record must say so
  // now, not only soon.
  void note_end(std::uint32_t number, std::uint64_t end, bool at_once);

  // Writes the end that was noted into the record, which keeps its mark.
  std::error_code record_end();

  // Leaves the record for the next holder.
  void end() noexcept;

 private:
  friend class store_lock;
  explicit held_lock(store_lock& lock) noexcept;
  store_lock& here() const noexcept;
  bool entry_is_durable() const noexcept;

  store_lock* lock_;  // null once moved from
};

}  // namespace conduit::lock
