// One holding of the inter-process lock by the thread that looks after sealed files. The writer has
// a tenure of its own: to everybody, this one included, the thread is like another process, with a
// description of the lock file of its own. It writes no data file and knows no tail; it follows the
// same rules for the record and the directory.
#pragma once

#include <functional>
#include <optional>
#include <system_error>

#include "files/directory.hpp"
#include "io/file_io.hpp"
#include "lock/file_lock.hpp"
#include "lock/lock_record.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

// Blocking, for one thread.
class upkeep_tenure {
 public:
  upkeep_tenure(store_state& state, io::file_io& disk);

  // Opens the lock file, which must exist. `begin` does so too where it has to.
  std::error_code open();

  // Takes the lock, reads the record and lists the directory. Waits for the lock while `go_on` says
  // so, else `operation_aborted`; at most a minute, then `timed_out`. After an error the lock is
  // free.
  std::error_code begin(const std::function<bool()>& go_on);
  // Frees the lock, if it is held.
  void end() noexcept;

  // While it is held.

  // The highest regular file: what is below is sealed.
  const std::optional<files::file_id>& mutable_file() const noexcept { return mutable_; }
  // A sync failed in this boot, of this file or a higher one: what the page cache shows of it need
  // not be what the disk holds.
  bool may_have_lost_writes(std::uint32_t number) const noexcept;
  // A sync of this file failed: it will not be compressed in this boot, nor appended to, like every
  // lower one.
  void give_up_file(std::uint32_t number) noexcept;
  // Before names change: others will list the directory again.
  std::error_code announce_change();
  // Under the mark of the mutable file. A failure poisons that file, whose entry may be among what
  // was lost.
  std::error_code sync_directory();

 private:
  std::error_code acquire(const std::function<bool()>& go_on);
  std::error_code wait_for_lock(const std::function<bool()>& go_on);
  std::error_code look_around();

  store_state& state_;
  io::file_io& disk_;
  lock::file_lock lock_;
  bool opened_ = false;
  bool stale_ = false;  // another lock file stands under the path
  bool held_ = false;
  const lock::boot_id boot_;
  lock::lock_record record_;
  std::optional<files::file_id> mutable_;
};

}  // namespace conduit::detail
