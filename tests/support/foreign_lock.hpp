// The store's lock in the hands of somebody else: through an open file description of its own,
// which excludes like another process.
#pragma once

#include <filesystem>
#include <string>

#include "base/unique_fd.hpp"

namespace conduit::test {

class foreign_lock {
 public:
  // Creates the lock file where it is missing and waits for the lock.
  explicit foreign_lock(const std::filesystem::path& lock_file);

  void release();
  void share();  // keeps others from writing only
  void take();   // waits for it

  // Through the descriptor that is open, so that no store sees another opening.
  bool is_free() const;         // nobody else holds it
  std::string content() const;  // of the lock file

 private:
  unique_fd file_;
};

// Whether nobody holds the lock now.
bool lock_is_free(const std::filesystem::path& lock_file);

// Whether somebody waits for the lock in the kernel.
bool lock_is_waited_for(const std::filesystem::path& lock_file);

// Waits until somebody has given the lock free.
void wait_until_lock_is_free(const std::filesystem::path& lock_file);

}  // namespace conduit::test
