// Tells the holder of the exclusive lock that a process of this library waits for it: a shared open
// file description lock on the data directory. An original neither sets such a mark nor looks for
// one.
#pragma once

#include <cstdint>
#include <string>

#include "base/fork_guard.hpp"
#include "base/unique_fd.hpp"

namespace conduit::lock {

// Held during a wait in the kernel. Without a descriptor for it the holder is not told: it then
// keeps the lock until the end of its lease.
class waiting_mark {
 public:
  explicit waiting_mark(const std::string& directory) noexcept;
  waiting_mark(const waiting_mark&) = delete;
  waiting_mark& operator=(const waiting_mark&) = delete;
  ~waiting_mark();

 private:
  const unique_fd directory_;
  const std::uint64_t made_in_ = fork_generation();
  const closed_on_fork fork_guard_{directory_.get()};
};

// The holder's view. For one thread at a time.
class waiting_marks {
 public:
  void begin(const std::string& directory) noexcept;
  // True also if that cannot be found out.
  bool any() const noexcept;

 private:
  unique_fd directory_;
};

}  // namespace conduit::lock
