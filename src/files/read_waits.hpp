// Reads that wait for something other than the disk: for another read of the same frame or of the same file's table, or for the
// inter-process lock. Whoever wakes, cancels or drops such a read first takes it out of here, so only one of them has it.
#pragma once

#include <conduit/detail/completion.hpp>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "files/frame_cache.hpp"
#include "io/completion_port.hpp"

namespace conduit::detail {

// For any thread: one a store, shared with threads that may outlive it.
//
// Keys name an opening of a file, and each context opens files for itself: so a read waits only for reads of its own context, never for
// another event loop.
class read_waits {
 public:
  using ticket = std::uint64_t;

  // True: nobody does this work, and the caller does it now. It must call `land`.
  bool try_lead(const frame_key& work);
  // False where nobody does this work. Otherwise `read`, sent away through `port`, is delivered when it is done, with its result in
  // `result`: null where the leader has none. Throws std::bad_alloc; then nothing has happened.
  bool follow(const frame_key& work, completion& read, io::completion_port& port, decoded_frame& result);
  void land(const frame_key& work, const decoded_frame& result) noexcept;

  // For a wait that a thread ends: by `take`, and then a delivery through `port`, through which `read` is sent away here. Throws
  // std::bad_alloc; then nothing has happened.
  ticket enter(completion& read, io::completion_port& port);
  // False where it does not wait any more; then it may be gone.
  bool take(const completion* read, ticket of) noexcept;
  // The same without a ticket, for whoever has the read: to cancel it, or because its context goes.
  bool leave(const completion& read) noexcept;

 private:
  struct follower {
    completion* read;
    ticket of;
    io::completion_port* port;
    decoded_frame* result;
  };

  std::mutex mutex_;
  ticket last_ticket_ = 0;
  std::unordered_map<const completion*, ticket> waiting_;
  std::unordered_map<frame_key, std::vector<follower>, frame_key_hash> led_;
};

}  // namespace conduit::detail
