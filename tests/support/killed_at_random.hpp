// A process that works until it is killed at a random point.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <system_error>

#include "base/unique_fd.hpp"
#include "support/child_process.hpp"

namespace conduit::test {

// Runs `body` in a child, which calls what it is given after each of its operations, and kills the
// child after so many of them and a random instant more: from before the first one has ended, a
// sixth of the time, to behind the last of `operations_max`. The child's status.
inline int killed_at_random(std::mt19937_64& random, std::uint64_t operations_max,
                            const std::function<int(const std::function<void()>& tell)>& body) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::system_category(), "pipe2");
  const unique_fd notices(ends[0]);
  unique_fd notify(ends[1]);
  child_process worker([&] {
    return body([&] {
      const char byte = 'o';
      static_cast<void>(!::write(notify.get(), &byte, 1));
    });
  });
  notify.reset();
  const std::uint64_t operations = random() % (operations_max * 6 / 5);
  for (std::uint64_t i = operations_max / 5; i < operations; ++i) {
    char byte = 0;
    if (::read(notices.get(), &byte, 1) != 1) break;  // it ended by itself
  }
  // Not slept: that would end at the ticks of a clock, and never early in a call.
  const auto until = std::chrono::steady_clock::now() +
                     std::chrono::microseconds(random() % (operations == 0 ? 3000 : 300));
  while (std::chrono::steady_clock::now() < until) {
  }
  worker.kill();
  return worker.wait();
}

}  // namespace conduit::test
