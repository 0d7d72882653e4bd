#include "cli/console.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <unistd.h>

namespace conduit::cli {
namespace {

constexpr std::string_view erase_line = "\r\033[K";

// If a message cannot be written, nobody can be told.
void write_to_stderr(std::string_view text) noexcept {
  (void)!std::fwrite(text.data(), 1, text.size(), stderr);
}

struct console {
  std::mutex mutex;
  bool bar_shown = false;

  // Call it under the mutex.
  void erase_bar() noexcept {
    if (bar_shown) write_to_stderr(erase_line);
    bar_shown = false;
  }
};

console& the_console() {
  static console one;
  return one;
}

}  // namespace

void say(std::string_view sentence) {
  console& out = the_console();
  std::lock_guard hold(out.mutex);
  out.erase_bar();
  write_to_stderr(fmt::format("ffdb: {}\n", sentence));
}

progress::progress(std::string unit, std::uint64_t total)
    : terminal_(::isatty(STDERR_FILENO) == 1), unit_(std::move(unit)), total_(total) {}

progress::~progress() {
  if (!terminal_) return;
  console& out = the_console();
  std::lock_guard hold(out.mutex);
  out.erase_bar();
}

void progress::draw(std::uint64_t done) {
  using namespace std::chrono_literals;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  auto last = drawn_at_.load(std::memory_order_relaxed);
  const auto due = std::chrono::steady_clock::duration(last) + 100ms;
  if (now < due || !drawn_at_.compare_exchange_strong(last, now.count(), std::memory_order_relaxed))
    return;

  console& out = the_console();
  std::lock_guard hold(out.mutex);
  if (total_ == 0) {
    write_to_stderr(fmt::format("{}{} {}", erase_line, done, unit_));
  } else {
    constexpr std::uint64_t width = 40;
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
    const auto filled = static_cast<std::uint64_t>(share * width);
    write_to_stderr(fmt::format("{}[{:#<{}}{:.<{}}] {:3.0f} % of {} {}", erase_line, "", filled, "",
                                width - filled, share * 100, total_, unit_));
  }
  out.bar_shown = true;
}

}  // namespace conduit::cli
