#include "simulation/world/tasks.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <string>
#include <utility>

#include "simulation/calls/real.hpp"
#include "simulation/world/processes.hpp"
#include "simulation/world/rings.hpp"

namespace conduit::simulation {

namespace {

thread_local task* self = nullptr;

void hand_baton_to(task& next) noexcept {
  std::atomic_ref<std::uint32_t>(next.baton).store(1, std::memory_order_release);
  real::futex(&next.baton, FUTEX_WAKE, 1);
}

// Real time: nothing here computes for so long, and nothing waits for so long, on a machine that is
// busy with other things too.
constexpr double computing_max = 10;
constexpr unsigned silence_max = 180;

// Somebody has the baton and makes no call. Nobody but the director learns of it.
void end_silence() noexcept {
  world& all = the_world();
  const task& runs = *all.running;
  const std::string text = std::string(runs.owner->name.data(), runs.owner->name.size()) +
                           ", thread " + std::to_string(runs.number) +
                           ": runs without an end behind its call of " + runs.call;
  for (process* one : all.processes) {
    if (one != all.processes.front() && one->alive) real::kill_process(one->pid);
  }
  for (task* one : all.tasks) {
    if (one != all.tasks.front()) one->state = task::phase::ended;
  }
  complain(text);
}

void await_baton(task& me) noexcept {
  const std::atomic_ref<std::uint32_t> baton(me.baton);
  const task* silent_one = nullptr;
  unsigned silent = 0;
  double used_before = 0;
  while (baton.exchange(0, std::memory_order_acquire) == 0) {
    if (real::futex_wait_a_second(&me.baton, 0)) continue;
    const process& director = *the_world().processes.front();
    if (me.owner == &director) {
      const task* const runs = the_world().running;
      if (runs == nullptr) continue;
      const double used = real::processor_time_of(runs->owner->pid);
      if (std::exchange(silent_one, runs) != runs) {
        silent = 0;
        used_before = used;
      }
      if (++silent == silence_max || used - used_before > computing_max) return end_silence();
    } else if (real::system_call(SYS_kill, director.pid, 0) != 0) {
      real::end_process(SIGKILL);
    }
  }
  the_world().running = &me;
}

struct turn {
  task* whose = nullptr;
  bool for_the_kernel = false;
};

bool can_run(const task& one) noexcept {
  if (one.state == task::phase::ended || one.owner->stopped) return false;
  return one.state == task::phase::ready || one.deadline <= the_world().now;
}

// A thread that the kernel can borrow, for work in the memory of a process.
task* lender_of(const process& owner) noexcept {
  for (task* one : the_world().tasks) {
    if (one->owner == &owner && one->state != task::phase::ended) return one;
  }
  return nullptr;
}

bool has_kernel_work(const process& one) noexcept {
  return one.alive && one.kernel_due <= the_world().now;
}

nanoseconds next_deadline() noexcept {
  nanoseconds next = never;
  for (const task* one : the_world().tasks) {
    if (one->state == task::phase::parked && !one->owner->stopped)
      next = std::min(next, one->deadline);
  }
  for (const process* one : the_world().processes) {
    if (one->alive) next = std::min(next, one->kernel_due);
  }
  return next;
}

turn choose() {
  world& all = the_world();
  for (;;) {
    std::size_t candidates = 0;
    for (const task* one : all.tasks) candidates += can_run(*one) ? 1U : 0U;
    const std::size_t tasks = candidates;
    for (const process* one : all.processes) candidates += has_kernel_work(*one) ? 1U : 0U;
    if (candidates != 0) {
      std::size_t chosen = candidates == 1 ? 0 : random_below(candidates);
      if (chosen < tasks) {
        for (task* one : all.tasks) {
          if (can_run(*one) && chosen-- == 0) return {one, false};
        }
      }
      chosen -= std::min(chosen, tasks);
      for (const process* one : all.processes) {
        if (has_kernel_work(*one) && chosen-- == 0) return {lender_of(*one), true};
      }
    }
    const nanoseconds next = next_deadline();
    if (next == never) {
      // The director is told, and ends the world.
      all.stuck = true;
      task& director = *all.tasks.front();
      director.state = task::phase::ready;
      return {&director, false};
    }
    all.now = std::max(all.now, next);
  }
}

// The turn goes to whoever is chosen, and comes back.
void wait_for_turn(task& me) {
  for (;;) {
    const turn next = choose();
    if (next.whose == &me) {
      if (!next.for_the_kernel) break;
    } else {
      next.whose->lends_itself = next.for_the_kernel;
      hand_baton_to(*next.whose);
      await_baton(me);
      if (!me.lends_itself) break;
      me.lends_itself = false;
    }
    work_for_kernel(*me.owner);
  }
  me.timed_out = me.state == task::phase::parked;
  me.state = task::phase::ready;
  leave_trace(me.number);
}

void pass_on_for_good() noexcept {
  const turn next = choose();
  next.whose->lends_itself = next.for_the_kernel;
  hand_baton_to(*next.whose);
}

}  // namespace

task* current_task() noexcept { return self; }

task& add_task(process& owner) {
  world& all = the_world();
  task& made = *make_shared_object<task>();
  made.number = static_cast<unsigned>(all.tasks.size());
  made.owner = &owner;
  all.tasks.push_back(&made);
  return made;
}

void become_at_once(task& me) noexcept { self = &me; }

void become(task& me) noexcept {
  self = &me;
  for (;;) {
    await_baton(me);
    if (!me.lends_itself) return;
    me.lends_itself = false;
    work_for_kernel(*me.owner);
    pass_on_for_good();
  }
}

void forget_task() noexcept { self = nullptr; }

void end_task() noexcept {
  self->state = task::phase::ended;
  self = nullptr;
  pass_on_for_good();
}

void end_tasks_of(process& dead) noexcept {
  for (task* one : the_world().tasks) {
    if (one->owner == &dead) one->state = task::phase::ended;
  }
}

bool is_alone_awake() noexcept {
  return std::none_of(the_world().tasks.begin(), the_world().tasks.end(), [](const task* other) {
    if (other == self || other->owner != self->owner || other->state == task::phase::ended)
      return false;
    const std::string_view call = other->call;
    // Asio waits for events without a lock, and so does a player; a condition is waited for with
    // one, until the thread is asleep.
    const bool sleeps = other->state == task::phase::parked && call.starts_with("pthread_cond");
    return call != "epoll_wait" && !call.starts_with("waits") && !sleeps;
  });
}

void end_world(std::string_view why) noexcept {
  world& all = the_world();
  complain(why);
  self = nullptr;
  for (task* one : all.tasks) {
    if (one != all.tasks.front()) one->state = task::phase::ended;
  }
  hand_baton_to(*all.tasks.front());
}

void let_others_run() {
  if (by_chance(the_world().manners.switches)) yield_turn();
}

void yield_turn() { wait_for_turn(*self); }

bool park(channel what, nanoseconds deadline) {
  task& me = *self;
  me.state = task::phase::parked;
  me.waits_for = what;
  me.deadline = deadline;
  wait_for_turn(me);
  me.deadline = never;
  me.waits_for = 0;
  return !me.timed_out;
}

void wake_all(channel what) noexcept {
  for (task* one : the_world().tasks) {
    if (one->state == task::phase::parked && one->waits_for == what)
      one->state = task::phase::ready;
  }
}

void wake_one(channel what) {
  shared_vector<task*> waiting;
  for (task* one : the_world().tasks) {
    if (one->state == task::phase::parked && one->waits_for == what) waiting.push_back(one);
  }
  if (!waiting.empty())
    waiting[waiting.size() == 1 ? 0 : random_below(waiting.size())]->state = task::phase::ready;
}

void tell_call(std::string_view call, std::string_view what) {
  if (!the_world().tells_calls) return;
  const std::uint64_t before = the_world().fingerprint;
  tell("      " + std::string(self->owner->name.data(), self->owner->name.size()) + "." +
       std::to_string(self->number) + " " + std::string(call) + " " + std::string(what));
  the_world().fingerprint = before;
}

channel own_channel(const void* address) noexcept {
  return reinterpret_cast<channel>(address) ^ (std::uint64_t{self->owner->number + 1U} << 48U);
}

void enter(const char* call) {
  world& all = the_world();
  if (all.tells_calls) tell_call(call, {});
  self->call = call;
  ++all.moments;
  all.now += 100 + random_time(1000);
  process& own = *self->owner;
  if (++own.calls >= own.dies_at_call) die_here(own);
  let_others_run();
}

}  // namespace conduit::simulation
