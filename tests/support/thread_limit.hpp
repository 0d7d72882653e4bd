// A process that can have no more threads: RLIMIT_NPROC, which counts the threads of a user.
#pragma once

#include <sys/resource.h>

namespace conduit::test {

// For a child process that ends soon: it gives up the rights to whom the limit does not apply.
class thread_limit {
 public:
  thread_limit();  // nothing is forbidden yet

  void forbid() const;
  void allow() const;

 private:
  struct rlimit before_{};
};

// The threads of this process.
unsigned count_threads();

}  // namespace conduit::test
