// A look at a compressed file for frames that this store does not know yet: with or without the
// inter-process lock, on a thread that may block.
#pragma once

#include <functional>
#include <memory>
#include <system_error>

#include "codec/frame_walk.hpp"
#include "lock/lock_description.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

class frame_look {
 public:
  enum class outcome {
    looked,     // the file's whole frames are now known; see `state`
    lock_busy,  // another process writes: nothing was looked at; see `lock`
    replaced,   // another file stands under the name
    failed      // see `error`
  };

  // `locked`: under the shared lock; without it only files that never change, sealed ones, may be
  // trusted. Polls `go_on`. New frames replace the known ones if there are more of them. Does not
  // throw.
  void begin(binding& where, data_file& file, bool locked, const std::function<bool()>& go_on);
  // The same if the caller already holds the lock. `lock_busy` without a `lock` if `held` is no
  // longer the lock: begin again.
  void resume(binding& where, data_file& file, const lock::lock_description& held,
              const std::function<bool()>& go_on);

  // No look was possible, for this reason.
  void fail(std::error_code why) noexcept {
    what = outcome::failed;
    error = why;
  }

  outcome what = outcome::failed;
  std::error_code error;
  codec::walk_state state = codec::walk_state::complete;  // of `looked`: how the file ends
  std::uint64_t whole_until = 0;                          // stored bytes: the frames end there
  std::unique_ptr<lock::lock_description> lock;           // of `lock_busy`: to wait through

 private:
  void acquire(binding& where);
  void look_under_lock(binding& where, data_file& file, const std::function<bool()>& go_on);
  void look(binding& where, data_file& file, const std::function<bool()>& go_on);
};

}  // namespace conduit::detail
