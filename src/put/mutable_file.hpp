// The file that this store appends to: its tail, the reasons to leave it, the start of the next
// one, and the mending of its end. docs/durability.md states the rules.
#pragma once

#include <asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "files/directory.hpp"
#include "io/completion_port.hpp"
#include "io/file_io.hpp"
#include "lock/held_lock.hpp"
#include "put/foreign_objects.hpp"
#include "put/tail.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

// Coroutines of the port's context.
class mutable_file {
 public:
  mutable_file(store_state& state, io::file_io& disk, io::completion_port& home)
      : state_(state), disk_(disk), home_(home) {}

  // ---- what others did to it

  // Does not suspend. True if nothing but a plain file's length changed since this store last
  // held the lock; otherwise `adopt` has to find out what did.
  bool try_adopt(lock::held_lock& held);
  // Finds out what others did. `errc::locked`: this lock excludes nobody any more. Other errors
  // leave everything as it was.
  asio::awaitable<std::error_code> adopt(lock::held_lock& held);
  // Of the last of these two: true if file and directory are as this store left them.
  bool found_unchanged() const noexcept { return !listed_ && !grown_; }

  // ---- appends

  // True if the next append may go there.
  bool ready(const lock::held_lock& held) const {
    return !directory_unsynced_ && !reason_to_leave(held);
  }
  // Makes it ready for an append: begins the next file if the old one is full, in doubt, or of
  // another form.
  asio::awaitable<std::error_code> make_ready(lock::held_lock& held);
  // Seals it and begins the next file, numbered at least `at_least`.
  asio::awaitable<std::error_code> begin_next(lock::held_lock& held, std::string why,
                                              std::uint32_t at_least = 0);

  const tail& current_tail() const noexcept { return tail_; }
  // The form in which this store appends, as far as is known. Needs no lock.
  file_form form() const noexcept;

  // Records an append of `bytes`.
  void appended(std::uint64_t bytes) noexcept { found_.size = tail_.end += bytes; }
  // Call it before an append of frames with the table behind them, `current_tail().table`. Throws
  // std::bad_alloc: nothing was begun.
  void begin_frames(std::span<const codec::frame_sizes> frames);
  // Nothing was written of the frames that were begun: the old table stands.
  void drop_frames() noexcept {
    tail_.table.drop(tail_.table.count() - tail_.frames->count());
    tail_.table_due = tail_.table.bytes().size() != tail_.stands;
  }
  // The frames, `bytes` in all, were appended whole; every read knows them from now on.
  void appended_frames(std::span<const codec::frame_sizes> frames, std::uint64_t bytes) noexcept;
  // Writes the table behind the frames if it does not stand, and drops frames that were begun and
  // not appended. Call it before every unlock.
  void finish_table(lock::held_lock& held) noexcept;
  // A write or sync failed: nobody appends to it again. `sync_failed`: unsynced bytes may be lost.
  void poison(lock::held_lock& held, std::error_code why, bool sync_failed);
  // A sync of it begins.
  std::error_code mark_syncing(lock::held_lock& held) {
    return held.mark_syncing(tail_.file->number);
  }

  // ---- the directory

  // A failure poisons the mutable file.
  asio::awaitable<lock::directory_sync> sync_directory(lock::held_lock& held);
  // Another file is gone.
  void removed(lock::held_lock& held, std::uint32_t number);

  // Leaves the file, and the record, to the next holder. Call it before every unlock.
  void leave(lock::held_lock& held);
  // The same, except that the record keeps its mark until `held_lock::end`. False: the lock must
  // not be kept.
  bool prepare_to_park(lock::held_lock& held);
  // Somebody has called `held_lock::end` and unlocked.
  void was_left() noexcept { adopted_ = false; }

 private:
  std::int64_t measure(const lock::held_lock& held);
  asio::awaitable<std::error_code> list(lock::held_lock& held);
  void note(const lock::held_lock& held, const lock::directory_sync& failed);
  asio::awaitable<std::error_code> find_changes(lock::held_lock& held);
  asio::awaitable<std::error_code> open(lock::held_lock& held);
  asio::awaitable<std::error_code> examine(lock::held_lock& held);
  std::optional<std::uint64_t> recorded_end(const lock::held_lock& held) const noexcept;
  bool has_unrecorded_loss(const lock::held_lock& held) const noexcept;
  bool may_mend(const lock::held_lock& held) const noexcept;
  const char* reason_to_leave(const lock::held_lock& held) const;
  void note_end(lock::held_lock& held);

  store_state& state_;
  io::file_io& disk_;
  io::completion_port& home_;

  // Written by the writer's coroutine alone.
  tail tail_;
  io::file_status found_;               // status of its file under the present lock
  bool adopted_ = false;                // nobody else can have changed it since we looked
  bool end_known_ = false;              // this process set its end
  bool directory_unsynced_ = true;      // its entry in the directory may not be durable
  bool shrunk_ = false;                 // it is shorter than it was
  bool grown_ = false;                  // somebody else has appended to it
  bool listed_ = false;                 // the directory had to be listed
  bool table_failed_ = false;           // its table could not be written, which was reported
  std::optional<std::string> doubt_;    // why it, compressed, is never written again
  foreign_objects foreign_;             // in the directory
  std::optional<file_form> form_seen_;  // of the highest file, when last looked at
};

}  // namespace conduit::detail
