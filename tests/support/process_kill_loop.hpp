// One process after another works on a store and is killed at a random point, from before it has
// opened the store to the middle of any call. Each next one reads what the last ones were told is
// stored, and in the end all of it is read back.
#pragma once

#include <cstdint>
#include <functional>
#include <random>

#include "support/killed_at_random.hpp"
#include "support/process_kills.hpp"

namespace conduit::test {

struct kill_loop_settings {
  options store;
  std::uint32_t coroutines = 2;
  std::uint64_t kills = 0;
  std::uint64_t seed = 0;
  std::uint64_t operations_max =
      12;  // a process is killed after so many operations at the most, and a random instant more
};

class kill_loop {
 public:
  explicit kill_loop(const kill_loop_settings& how)
      : how_(how), log_(how.kills * (how.operations_max + 64) * 8), random_(how.seed) {}

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
    const std::uint64_t seed = random_();
    const int status =
        killed_at_random(random_, how_.operations_max, [&](const std::function<void()>& tell) {
          load_settings load;
          load.operations = ~std::uint64_t{0};
          load.coroutines = how_.coroutines;
          load.window_files = 100;
          return process_load(load, log_, *progress_, seed, [&](std::uint64_t) { tell(); })
              .run(how_.store);
        });
    if (status == 128 + SIGKILL) {
      ++outcome_.kills;
    } else {
      log_.failed("a process ended with status " + std::to_string(status));
    }
  }

  kill_loop_settings how_;
  process_journal log_;
  shared_memory<load_progress> progress_;
  std::mt19937_64 random_;
  kill_outcome outcome_;
};

}  // namespace conduit::test
