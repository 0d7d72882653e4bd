// The program's messages to people, on stderr, and a progress bar if stderr is a terminal.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace conduit::cli {

// One line, "ffdb: …", never mixed up with another one or with the progress bar. From any thread.
void say(std::string_view sentence);

// Long work in steps. Draws itself at most ten times a second, and not at all if stderr is no
// terminal. From any thread.
class progress {
 public:
  // `total` is 0 if it is unknown.
  progress(std::string unit, std::uint64_t total);
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress();

  void advance(std::uint64_t steps = 1) {
    reach(done_.fetch_add(steps, std::memory_order_relaxed) + steps);
  }
  // `done` steps are done now.
  void reach(std::uint64_t done) {
    if (terminal_) draw(done);
  }

 private:
  void draw(std::uint64_t done);

  const bool terminal_;
  const std::string unit_;
  const std::uint64_t total_;
  // Any thread writes both.
  std::atomic<std::uint64_t> done_{0};
  std::atomic<std::chrono::steady_clock::rep> drawn_at_{0};
};

}  // namespace conduit::cli
