#include "base/thread_crew.hpp"

#include "base/start_thread.hpp"

namespace conduit {

thread_crew::thread_crew(unsigned threads_max) : core_(std::make_shared<core>(threads_max)) {}

thread_crew::~thread_crew() {
  join();
  // A thread that does not exist in this process may have held a lock of the queue.
  if (fork_generation() != made_in_) core_->kept_for_ever = core_;
}

void thread_crew::join() noexcept {
  if (fork_generation() != made_in_) return;
  for (std::thread& thread : core_->end()) {
    // A task may end the owner of this object; its thread then outlives the object.
    if (thread.get_id() == std::this_thread::get_id()) {
      thread.detach();
    } else {
      thread.join();
    }
  }
}

void thread_crew::leave() noexcept {
  if (fork_generation() != made_in_) return;
  for (std::thread& thread : core_->end()) thread.detach();
}

// The threads end once no work is left.
std::vector<std::thread> thread_crew::core::end() noexcept {
  work.reset();
  const std::lock_guard hold(starting);
  return std::exchange(threads, {});
}

std::error_code thread_crew::core::make_room() noexcept {
  const unsigned tasks = unfinished.fetch_add(1, std::memory_order_relaxed) + 1;
  const unsigned threads_now = started.load(std::memory_order_acquire);
  if (threads_now == threads_max || threads_now >= tasks) return {};
  const std::error_code refused = start_thread();
  // The existing threads will run it.
  if (!refused || started.load(std::memory_order_acquire) != 0) return {};
  unfinished.fetch_sub(1, std::memory_order_relaxed);
  return refused;
}

std::error_code thread_crew::core::start_thread() noexcept {
  const std::lock_guard hold(starting);
  if (threads.size() == threads_max) return {};
  std::thread next;
  const std::error_code refused =
      conduit::start_thread(next, [self = shared_from_this()] { self->queue.run(); });
  if (refused) return refused;
  threads.push_back(std::move(next));
  started.fetch_add(1, std::memory_order_release);
  return {};
}

}  // namespace conduit
