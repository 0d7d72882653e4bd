// A look at a compressed file for frames that nobody here knows yet: with or without the
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
    looked,     // the file's frames are known now, as far as they are whole; see `state`
    lock_busy,  // somebody writes: nothing was looked at; see `lock`
    replaced,   // another file stands under the name
    failed      // see `error`
  };

  // `locked`: under the shared lock; else only what never changes may be believed, a sealed file.
  // `go_on` is asked now and then. What was found replaces what the file knew, where it is more.
  // Does not throw.
  void begin(binding& where, data_file& file, bool locked, const std::function<bool()>& go_on);
  // The same, where the caller holds the lock already. Begins anew where `held` is not the lock any
  // more: `lock_busy` without a `lock`.
  void resume(binding& where, data_file& file, const lock::lock_description& held,
              const std::function<bool()>& go_on);

  // There was no look, for this reason.
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
