// A statistic that mostly one thread counts: that thread needs no locked instruction, of which each
// costs half a per cent of a small read from the page cache.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace conduit {

// For any thread. Exact: the first thread that counts has a sum of its own, all others share one.
class counter {
 public:
  void add(std::uint64_t count) noexcept {
    if (is_owner()) {
      own_.store(own_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    } else {
      others_.fetch_add(count, std::memory_order_relaxed);
    }
  }
  std::uint64_t value() const noexcept {
    return own_.load(std::memory_order_relaxed) + others_.load(std::memory_order_relaxed);
  }

 private:
  // A later thread that gets the owner's identity, once that has ended, counts on in its place.
  bool is_owner() noexcept {
    const std::thread::id self = std::this_thread::get_id();
    std::thread::id owner = owner_.load(std::memory_order_relaxed);
    if (owner == self) return true;
    return owner == std::thread::id() &&
           owner_.compare_exchange_strong(owner, self, std::memory_order_relaxed);
  }

  std::atomic<std::thread::id> owner_;
  std::atomic<std::uint64_t> own_{0};
  std::atomic<std::uint64_t> others_{0};
};

}  // namespace conduit
