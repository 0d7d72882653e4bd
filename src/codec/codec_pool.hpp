// The threads of a store that encode and decode frames, and the encoders and decoders of all threads.
#pragma once

#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "codec/frame.hpp"

namespace conduit::codec {

// Of the calling thread, kept until it ends.
decoder& decoder_of_thread() noexcept;
encoder& encoder_of_thread(int level) noexcept;

// Started by the first use and joined on release: a store that never compresses has none of these threads.
class codec_pool {
 public:
  // `threads`: 0 for as many as there are cores.
  explicit codec_pool(unsigned threads) noexcept;
  codec_pool(const codec_pool&) = delete;
  codec_pool& operator=(const codec_pool&) = delete;
  ~codec_pool() { join(); }

  unsigned threads() const noexcept { return threads_; }
  // Approximate, all three. Nothing waits or runs.
  bool idle() const noexcept { return pending_.load(std::memory_order_relaxed) == 0; }
  // Fewer tasks than threads are waiting or running: what is posted now begins soon.
  bool has_room() const noexcept { return pending_.load(std::memory_order_relaxed) < threads_; }
  // So many tasks wait that no thread will be out of work soon.
  bool is_busy() const noexcept { return pending_.load(std::memory_order_relaxed) >= busy_tasks_a_thread * threads_; }

  // From any thread. `task` must not throw. Throws where no memory or no thread can be had; then nothing was posted.
  template <typename Task>
  void post(Task task) {
    const auto crew = get();
    pending_.fetch_add(1, std::memory_order_relaxed);
    try {
      asio::post(*crew, [this, own = std::move(task)]() mutable {
        own();
        pending_.fetch_sub(1, std::memory_order_relaxed);
      });
    } catch (...) {
      pending_.fetch_sub(1, std::memory_order_relaxed);
      throw;
    }
  }

  // Runs what was posted to its end; nothing may be posted afterwards.
  void join();

 private:
  std::shared_ptr<asio::thread_pool> get();

  // A thread that finds nothing to do sleeps, and to wake it takes about as long as to decode a small frame.
  static constexpr unsigned busy_tasks_a_thread = 4;

  const unsigned threads_;
  std::atomic<unsigned> pending_{0};
  std::mutex mutex_;
  // Shared with every call that is just posting: what it posts may end the store, on another thread, before the call has returned.
  std::shared_ptr<asio::thread_pool> crew_;
};

}  // namespace conduit::codec
