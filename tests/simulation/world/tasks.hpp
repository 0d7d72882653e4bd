// Who runs: the threads of all simulated processes take turns, and each call to the kernel is a
// place where the turn may go to another. Time passes a little with each call, and jumps where all
// wait for it.
#pragma once

#include <string_view>
#include <utility>

#include "simulation/world/world.hpp"

namespace conduit::simulation {

// The task of the calling thread; null outside of a world, where every call goes to the real
// kernel.
task* current_task() noexcept;
inline bool in_world() noexcept { return current_task() != nullptr; }
inline process& current_process() noexcept { return *current_task()->owner; }

// A task that will run once a thread has become it.
task& add_task(process& owner);
// The calling thread is this task from now on; returns with its first turn.
void become(task& self) noexcept;
// The same for a thread that has the baton, or needs none: the first of a world, or one that a fork
// made.
void become_at_once(task& self) noexcept;
void forget_task() noexcept;
// The calling thread's task is over: the turn goes to another. The caller must make no call any
// more.
void end_task() noexcept;
// The same for each task of a process that has died. `own`: the caller's is among them.
void end_tasks_of(process& dead) noexcept;

// Every other thread of the calling process waits in an event loop or for a condition: none of them
// has a lock.
bool is_alone_awake() noexcept;

// Something went wrong that cannot be gone on from: the director's turn. The caller must make no
// call any more.
void end_world(std::string_view why) noexcept;

// Somebody else may run now.
void let_others_run();
// Somebody else has to, if anybody can.
void yield_turn();
// Waits for `wake`, or until the deadline; false where that came first.
bool park(channel what, nanoseconds deadline = never);
void wake_all(channel what) noexcept;
void wake_one(channel what);

inline channel channel_of(const void* shared_object) noexcept {
  return reinterpret_cast<channel>(shared_object);
}
// Of an address in the calling process's own memory.
channel own_channel(const void* address) noexcept;

// Where the simulation itself asks for something, no fault is meant.
class shelter {
 public:
  shelter() noexcept : before_(std::exchange(current_task()->sheltered, true)) {}
  shelter(const shelter&) = delete;
  shelter& operator=(const shelter&) = delete;
  ~shelter() { current_task()->sheltered = before_; }

 private:
  const bool before_;
};

// For a story that has all calls.
void tell_call(std::string_view call, std::string_view what);

// The beginning of every call: time passes, and others may run. Names the call for the story of a
// hang.
void enter(const char* call);

}  // namespace conduit::simulation
