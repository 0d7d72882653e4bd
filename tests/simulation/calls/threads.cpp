// Threads, mutexes and condition variables of a simulated process: real threads, which take turns.
#include <pthread.h>
#include <sched.h>

#include <cerrno>
#include <ctime>
#include <new>

#include "simulation/calls/answers.hpp"
#include "simulation/calls/real.hpp"
#include "simulation/world/faults.hpp"
#include "simulation/world/processes.hpp"
#include "simulation/world/rings.hpp"

using namespace conduit::simulation;

namespace {

struct beginning {
  void* (*body)(void*);
  void* argument;
  task* self;
};

pthread_key_t end_of_thread;

// The C library calls this behind the destructors of thread-local objects.
void give_up_turn(void*) {
  task& ended = *current_task();
  forget_submitter(ended);
  --ended.owner->threads;
  wake_all(channel_of(&ended));
  end_task();
}

[[gnu::constructor(101)]] void make_key() { pthread_key_create(&end_of_thread, give_up_turn); }

void* begin_thread(void* given) {
  const beginning what = *static_cast<beginning*>(given);
  delete static_cast<beginning*>(given);
  become(*what.self);
  pthread_setspecific(end_of_thread, what.self);
  return what.body(what.argument);
}

// Which task a thread is, for whoever joins it.
struct joinable {
  pthread_t thread;
  task* self;
  joinable* next;
};
joinable* threads = nullptr;

task* take_task_of(pthread_t thread) {
  for (joinable** at = &threads; *at != nullptr; at = &(*at)->next) {
    joinable* const found = *at;
    if (!pthread_equal(found->thread, thread)) continue;
    *at = found->next;
    task* const self = found->self;
    delete found;
    return self;
  }
  return nullptr;
}

void lock(pthread_mutex_t* mutex) {
  while (CONDUIT_REAL(pthread_mutex_trylock)(mutex) == EBUSY) park(own_channel(mutex));
}

void unlock(pthread_mutex_t* mutex) {
  CONDUIT_REAL(pthread_mutex_unlock)(mutex);
  wake_all(own_channel(mutex));
}

int wait(pthread_cond_t* condition, pthread_mutex_t* mutex, nanoseconds deadline,
         const char* call) {
  enter(call);
  unlock(mutex);
  bool told = true;
  if (by_chance(the_world().manners.spurious_wakes)) {
    yield_turn();
  } else {
    told = park(own_channel(condition), deadline);
  }
  lock(mutex);
  return told ? 0 : ETIMEDOUT;
}

}  // namespace

extern "C" {

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) noexcept {
  if (!in_world()) return CONDUIT_REAL(pthread_create)(thread, attributes, body, argument);
  enter("pthread_create");
  process& owner = current_process();
  if (refusal(kernel_call::new_thread) != 0 ||
      (!current_task()->sheltered && owner.threads >= owner.allowed.threads)) {
    note_trouble();
    meet(trouble::no_thread, &owner);
    return EAGAIN;
  }
  task& made = add_task(owner);
  auto* const what = new beginning{body, argument, &made};
  const int error = CONDUIT_REAL(pthread_create)(thread, attributes, begin_thread, what);
  if (error != 0) {
    made.state = task::phase::ended;
    return error;
  }
  ++owner.threads;
  threads = new joinable{*thread, &made, threads};
  return 0;
}

int pthread_join(pthread_t thread, void** result) {
  if (!in_world()) return CONDUIT_REAL(pthread_join)(thread, result);
  enter("pthread_join");
  const task* const joined = take_task_of(thread);
  while (joined != nullptr && joined->state != task::phase::ended) park(channel_of(joined));
  return CONDUIT_REAL(pthread_join)(thread, result);
}

int pthread_detach(pthread_t thread) noexcept {
  if (in_world()) take_task_of(thread);
  return CONDUIT_REAL(pthread_detach)(thread);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  if (!in_world()) return CONDUIT_REAL(pthread_mutex_lock)(mutex);
  enter("pthread_mutex_lock");
  lock(mutex);
  return 0;
}

int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  if (!in_world()) return CONDUIT_REAL(pthread_mutex_unlock)(mutex);
  unlock(mutex);
  return 0;
}

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  if (!in_world()) return CONDUIT_REAL(pthread_cond_wait)(condition, mutex);
  return wait(condition, mutex, never, "pthread_cond_wait");
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* deadline) {
  if (!in_world()) return CONDUIT_REAL(pthread_cond_timedwait)(condition, mutex, deadline);
  // Asio's conditions wait by the monotonic clock, and nobody else waits this way.
  return wait(condition, mutex, moment_of(CLOCK_MONOTONIC, *deadline), "pthread_cond_timedwait");
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* deadline) {
  if (!in_world()) return CONDUIT_REAL(pthread_cond_clockwait)(condition, mutex, clock, deadline);
  return wait(condition, mutex, moment_of(clock, *deadline), "pthread_cond_clockwait");
}

int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  if (!in_world()) return CONDUIT_REAL(pthread_cond_signal)(condition);
  wake_one(own_channel(condition));
  return 0;
}

int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  if (!in_world()) return CONDUIT_REAL(pthread_cond_broadcast)(condition);
  wake_all(own_channel(condition));
  return 0;
}

// Nobody waits in the real one.
int pthread_cond_destroy(pthread_cond_t* condition) noexcept {
  return in_world() ? 0 : CONDUIT_REAL(pthread_cond_destroy)(condition);
}

int sched_yield() noexcept {
  if (!in_world()) return CONDUIT_REAL(sched_yield)();
  enter("sched_yield");
  yield_turn();
  return 0;
}

int nanosleep(const timespec* time, timespec* rest) {
  if (!in_world()) return CONDUIT_REAL(nanosleep)(time, rest);
  enter("nanosleep");
  park(channel_of(current_task()), the_world().now + time->tv_sec * second + time->tv_nsec);
  return 0;
}

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  if (!in_world()) return CONDUIT_REAL(clock_gettime)(clock, now);
  *now = time_of(clock, the_world().now);
  return 0;
}

}  // extern "C"
