// The inter-process lock of a store, and the state that a process keeps from one holding to the
// next: the record, and the directory as last listed.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <system_error>

#include "base/fork_guard.hpp"
#include "files/directory.hpp"
#include "io/completion_port.hpp"
#include "io/file_io.hpp"
#include "lock/change_watch.hpp"
#include "lock/file_lock.hpp"
#include "lock/held_lock.hpp"
#include "lock/store_place.hpp"
#include "lock/waiting_mark.hpp"

namespace conduit::lock {

// One description of the lock file. All others, including other locks of the same store, see it as
// another process. For one thread or coroutine at a time, except `give_up`.
class store_lock {
 public:
  store_lock(io::file_io& disk, store_place place);

  // Opens the lock file; call it before anything else. `take_and_look` retries if this failed.
  std::error_code open();
  // Begins to watch the directory and the lock file for changes, and the directory for waiters.
  // Both must exist.
  void watch();
  const change_watch& changes() const noexcept { return watch_; }
  // A process of this library, or another part of this one, waits for the lock in the kernel; true
  // also if that cannot be found out.
  bool is_waited_for() const noexcept { return waiters_.any(); }

  // Empty if another holder has the lock, or if the attempt failed.
  std::optional<held_lock> try_take() noexcept;
  // The same, for some microseconds: see `file_lock::attempt_for_a_moment`.
  std::optional<held_lock> try_take_for_a_moment() noexcept;
  // Waits for the lock: see `file_lock::acquire`.
  asio::awaitable<std::error_code> take(io::completion_port& home, std::optional<held_lock>& into,
                                        bool& waited);
  // Waits for the lock on the calling thread and finds out what others did. Polls `go_on`:
  // `operation_aborted` once that is false, `timed_out` after a minute.
  std::error_code take_and_look(const std::function<bool()>& go_on, std::optional<held_lock>& into);
  // From any thread: nobody needs the lock now. The current `take`, or the next one, ends with
  // `operation_aborted`.
  void give_up() noexcept { file_.give_up(); }

  // Before a poll, see `file_lock`.
  void knock() const noexcept { file_.knock(); }

  // Opens the lock file that has replaced ours under the path. Only while the lock is not held.
  std::error_code reopen();

 private:
  friend class held_lock;

  std::function<bool()> telling(const std::function<bool()>& go_on) const;
  std::error_code read_record();
  // Call it after each change of the record's boot or device, or of the directory's device.
  void judge_record() noexcept {
    vouches_ = record_valid_ && record_.boot == place_.boot && record_.device == device_;
  }
  // A mark that this holder did not set: counts the file as poisoned. False if there is no mark.
  bool note_foreign_mark() noexcept;
  std::error_code write_record();

  io::file_io& disk_;
  const store_place place_;
  const std::uint64_t made_in_ = fork_generation();
  file_lock file_;
  change_watch watch_;
  waiting_marks waiters_;
  bool watching_ = false;
  bool stale_ = true;  // the lock file under the path was not opened, or could not be

  // State of the holder, kept from one holding to the next.
  bool held_ = false;
  lock_record record_;
  bool record_valid_ = false;  // the record in the lock file was readable
  bool record_due_ = false;    // this holding leaves a record that must not lag
  bool marked_ = false;        // this holding set the syncing mark
  std::uint64_t device_ = 0;
  bool vouches_ = false;                        // the record is of this boot and this directory
  std::optional<std::uint32_t> poisoned_here_;  // kept even if the record could not be written
  files::listing files_;
  std::optional<files::file_id> mutable_;
  bool listed_ = false;
  std::uint64_t listed_changes_ = 0;
  io::file_status listed_directory_;
  std::chrono::system_clock::time_point listed_at_;
  std::chrono::steady_clock::time_point looked_at_;   // by the `look` under way
  std::chrono::steady_clock::time_point checked_at_;  // time of the last complete look
  std::chrono::steady_clock::time_point recorded_at_;
};

}  // namespace conduit::lock
