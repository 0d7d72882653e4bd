// Runs a function in a forked child: for what must happen in another process, or in one that does
// not survive it.
#pragma once

#include <cstdio>
#include <functional>
#include <sys/types.h>

namespace conduit::test {

// The status of a child whose function threw.
inline constexpr int child_threw = 99;

// A forked child that runs `body` and exits at once with its result: no destructor and no handler
// of the parent's runs in it. Assertions belong to the parent.
class child_process {
 public:
  explicit child_process(const std::function<int()>& body);
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;
  ~child_process();  // kills it where nobody waited

  pid_t pid() const noexcept { return pid_; }
  // The exit status, or 128 + signal.
  int wait();
  void kill();

 private:
  pid_t pid_ = -1;
};

// The exit status of `body` in a child.
int in_child(const std::function<int()>& body);

// In such a body, which ends with the line of its first failed expectation.
#define EXPECT_IN_CHILD(condition)                                 \
  do {                                                             \
    if (!(condition)) {                                            \
      std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
      return 1;                                                    \
    }                                                              \
  } while (false)

}  // namespace conduit::test
