// The threads of a store that encode and decode frames, and the encoders and decoders of all
// threads.
#pragma once

#include <system_error>
#include <utility>

#include "base/thread_crew.hpp"
#include "codec/frame.hpp"

namespace conduit::codec {

// The calling thread's own, kept until the thread ends.
decoder& decoder_of_thread() noexcept;
encoder& encoder_of_thread(int level) noexcept;

// The threads start when there is work, and are joined on release: a store that never compresses
// has none.
class codec_pool {
 public:
  // `threads`: 0 for one per core.
  explicit codec_pool(unsigned threads);

  unsigned threads() const noexcept { return threads_; }
  // All three are approximate. No task waits or runs.
  bool idle() const noexcept { return crew_.unfinished() == 0; }
  // Fewer tasks than threads are waiting or running: a task posted now begins soon.
  bool has_room() const noexcept { return crew_.unfinished() < threads_; }
  // So many tasks wait that no thread will be out of work soon.
  bool is_busy() const noexcept { return crew_.unfinished() >= busy_tasks_a_thread * threads_; }

  // From any thread. `task` must not throw. Throws std::system_error if there is no memory or no
  // thread; then nothing was posted.
  template <typename Task>
  void post(Task task) {
    const std::error_code refused = crew_.post(std::move(task));
    if (refused) throw std::system_error(refused);
  }

  // Finishes all posted tasks; nothing may be posted afterwards.
  void join() noexcept { crew_.join(); }

 private:
  // An idle thread sleeps, and waking it takes about as long as decoding a small frame.
  static constexpr unsigned busy_tasks_a_thread = 4;

  const unsigned threads_;
  thread_crew crew_;
};

}  // namespace conduit::codec
