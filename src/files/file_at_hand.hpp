// The plain file that a context reads again and again, for reads that are over at once: they need
// no lock and no reference of their own. These cost a small read from the page cache two per cent.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <thread>
#include <utility>

#include "files/data_file.hpp"

namespace conduit::detail {

// For any thread. One of them has the file in its hand at a time; all others look elsewhere.
class file_at_hand {
 public:
  // Calls `read` with the file if that has the number and is free. `read` must not wait.
  template <typename Read>
  bool with(std::uint32_t number, Read read) noexcept {
    if (number_.load(std::memory_order_relaxed) != number || !take()) return false;
    const bool found = file_ != nullptr && file_->id.number == number;
    if (found) read(std::as_const(*file_));
    give_back();
    return found;
  }

  // Does nothing if it is here, or if a read has another one in its hand.
  void offer(const std::shared_ptr<data_file>& file) noexcept {
    if (number_.load(std::memory_order_relaxed) != file->id.number && take()) replace(file);
  }
  // Waits for the read that has the file in its hand. The caller drops what comes back.
  std::shared_ptr<data_file> clear() noexcept {
    if (is_empty()) return nullptr;
    while (!take()) std::this_thread::yield();
    return replace(nullptr);
  }

 private:
  static constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();

  bool is_empty() const noexcept { return number_.load(std::memory_order_relaxed) == none; }
  bool take() noexcept { return !taken_.exchange(true, std::memory_order_acquire); }
  void give_back() noexcept { taken_.store(false, std::memory_order_release); }
  std::shared_ptr<data_file> replace(std::shared_ptr<data_file> file) noexcept {
    file_.swap(file);
    number_.store(file_ ? file_->id.number : none, std::memory_order_relaxed);
    give_back();
    return file;
  }

  std::atomic<bool> taken_{false};
  std::atomic<std::uint64_t> number_{none};  // of `file_`; written by the thread that took it
  std::shared_ptr<data_file> file_;          // for the thread that took it
};

}  // namespace conduit::detail
