// One holding of the exclusive lock, and what a process remembers from one to the next: the record,
// the directory as last listed, and the tail of the mutable file. The rules are those of
// docs/durability.md.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>

#include "files/directory.hpp"
#include "io/completion_port.hpp"
#include "io/file_io.hpp"
#include "lock/change_watch.hpp"
#include "lock/file_lock.hpp"
#include "lock/lock_record.hpp"
#include "put/tail.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

class tenure {
 public:
  tenure(store_state& state, io::file_io& disk, io::completion_port& home);

  lock::file_lock& lock() noexcept { return lock_; }

  // Begins to watch directory and lock file for changes. Once both exist, and again when the lock
  // file was reopened.
  void watch();

  const lock::change_watch& changes() const noexcept { return watch_; }

  // Everything below only while the lock is held.

  // Begins a tenure where nothing changed since the last one, without suspending. False: `begin`
  // has to find out what did.
  bool try_begin();
  // Finds out what others did since the last tenure. `errc::locked` where the lock file was
  // replaced: this lock excludes nobody any more, reopen it. Other errors leave everything as it
  // was.
  asio::awaitable<std::error_code> begin();
  // The tail is fit for an append as it is.
  bool ready() const { return !directory_unsynced_ && !reason_to_leave(); }
  // Makes the tail fit for an append, beginning the next file where the old one is full, in doubt,
  // or of another form.
  asio::awaitable<std::error_code> make_ready();
  // Seals the mutable file and begins the next, numbered at least `at_least`.
  asio::awaitable<std::error_code> begin_next(std::string why, std::uint32_t at_least = 0);

  const tail& mutable_tail() const noexcept { return tail_; }
  const files::listing& known_files() const noexcept { return files_; }
  std::optional<std::uint32_t> mutable_number() const noexcept;
  // A write or sync of it failed, or of its entry in the directory: it is left with the next
  // append.
  bool mutable_poisoned() const noexcept;

  // The form in which this store appends, as far as is known now.
  file_form form() const noexcept;

  // After an append of `bytes` at the tail.
  void appended(std::uint64_t bytes) noexcept { tail_.end += bytes; }
  // Around an append of frames with the table behind them, `mutable_tail().table`. Throws
  // std::bad_alloc, and nothing was begun.
  void begin_frames(std::span<const codec::frame_sizes> frames);
  // They are whole, `bytes` of them, and known to every read from now on.
  void appended_frames(std::span<const codec::frame_sizes> frames, std::uint64_t bytes) noexcept;
  // The table behind the frames, where it does not stand; what was begun and not appended is
  // dropped. Before every unlock. Nothing where this tenure has not begun: somebody else may have
  // appended.
  void finish_table() noexcept;
  // The mutable file can be trusted no more. `sync_failed`: unsynced bytes of it may be lost.
  void poison_tail(std::error_code why, bool sync_failed);
  // Nobody appends to this file, or a lower one, from now on.
  std::error_code give_up_file(std::uint32_t number);
  // Marks that a sync of the mutable file begins; the mark goes away with `end`.
  std::error_code mark_syncing();
  // The directory is about to change: other processes must list it again.
  std::error_code announce_change();
  // A failure poisons the mutable file. `needs_no_mark`: without room for the mark it goes on
  // without.
  asio::awaitable<std::error_code> sync_directory(bool needs_no_mark = false);
  // The file is gone.
  void removed(std::uint32_t number);

  // Leaves the record for the next holder. Before every unlock.
  void end();

 private:
  bool nothing_changed() noexcept;
  std::int64_t measure_tail();
  asio::awaitable<std::error_code> list();
  asio::awaitable<std::error_code> adopt_tail();
  asio::awaitable<std::error_code> examine_tail();
  std::optional<std::uint64_t> recorded_end() const noexcept;
  asio::awaitable<std::error_code> create_file(files::file_id file, bool vouched);
  std::error_code read_record();
  std::error_code write_record();
  bool has_unrecorded_loss() const noexcept;
  bool record_vouches() const noexcept;
  bool may_mend() const noexcept;
  std::optional<std::string> reason_to_leave() const;
  std::optional<std::uint32_t> next_number(std::uint32_t at_least) const noexcept;
  void sync_oldest();
  void sync_behind(const std::shared_ptr<append_file>& left);

  store_state& state_;
  io::file_io& disk_;
  io::completion_port& home_;
  lock::file_lock lock_;
  lock::change_watch watch_;
  const lock::boot_id boot_;

  lock::lock_record record_;
  bool record_valid_ = false;  // what stood in the lock file could be read
  std::uint64_t device_ = 0;

  files::listing files_;
  bool listed_ = false;
  std::uint64_t listed_changes_ = 0;
  io::file_status listed_directory_;
  std::chrono::system_clock::time_point listed_at_;
  std::optional<files::file_id> mutable_;
  std::vector<files::file_id> reported_;  // foreign objects, once each

  tail tail_;
  io::file_status found_;             // the tail's file as this tenure found it
  bool begun_ = false;                // what others did to the tail is known
  bool end_known_ = false;            // the tail's end was set by this process
  bool directory_unsynced_ = true;    // the entry of the tail's file may not be durable
  bool marked_ = false;               // this tenure set the syncing mark
  bool shrunk_ = false;               // the tail's file is shorter than it was
  std::optional<std::string> doubt_;  // why the tail's file, compressed, is never written again
  std::optional<std::uint32_t>
      poisoned_here_;  // also remembered where the record could not be written
  std::chrono::steady_clock::time_point checked_at_;
  std::chrono::steady_clock::time_point recorded_at_;
};

}  // namespace conduit::detail
