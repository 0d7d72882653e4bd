// One process after another works on a store and is killed at a random point, from before it has opened the store to the middle of any
// call. Each next one reads what the last ones were told is stored, and in the end all of it is read back.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <random>
#include <system_error>

#include "base/unique_fd.hpp"
#include "support/process_kills.hpp"

namespace conduit::test {

struct kill_loop_settings {
  options store;
  std::uint32_t coroutines = 2;
  std::uint64_t kills = 0;
  std::uint64_t seed = 0;
  std::uint64_t operations_max = 12;  // a process is killed after so many operations at the most, and a random instant more
};

class kill_loop {
 public:
  explicit kill_loop(const kill_loop_settings& how) : how_(how), log_(how.kills * (how.operations_max + 64) * 8), random_(how.seed) {}

  kill_outcome run() {
    for (std::uint64_t i = 0; i < how_.kills; ++i) run_and_kill_one();
    outcome_.failures = log_.failures();
    outcome_.operations = progress_->ended;
    outcome_.reads_checked = progress_->reads_checked;
    kills_detail::check_store(how_.store, log_, outcome_);
    return outcome_;
  }

 private:
  void run_and_kill_one() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::system_category(), "pipe2");
    const unique_fd notices(ends[0]);
    unique_fd notify(ends[1]);
    const std::uint64_t seed = random_();
    child_process worker([&] {
      load_settings load;
      load.operations = ~std::uint64_t{0};
      load.coroutines = how_.coroutines;
      load.window_files = 100;
      const auto tell = [&](std::uint64_t) {
        const char byte = 'o';
        static_cast<void>(!::write(notify.get(), &byte, 1));
      };
      return process_load(load, log_, *progress_, seed, tell).run(how_.store);
    });
    notify.reset();
    // The first sixth of them dies before its first operation has ended.
    const std::uint64_t operations = random_() % (how_.operations_max * 6 / 5);
    for (std::uint64_t i = how_.operations_max / 5; i < operations; ++i) {
      char byte = 0;
      if (::read(notices.get(), &byte, 1) != 1) break;  // it ended by itself
    }
    let_pass(std::chrono::microseconds(random_() % (operations == 0 ? 3000 : 300)));
    worker.kill();
    const int status = worker.wait();
    if (status == 128 + SIGKILL) {
      ++outcome_.kills;
    } else {
      log_.failed("a process ended with status " + std::to_string(status));
    }
  }

  // Not slept: that would end at the ticks of a clock, and never early in a call.
  static void let_pass(std::chrono::microseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) {
    }
  }

  kill_loop_settings how_;
  process_journal log_;
  shared_memory<load_progress> progress_;
  std::mt19937_64 random_;
  kill_outcome outcome_;
};

}  // namespace conduit::test
