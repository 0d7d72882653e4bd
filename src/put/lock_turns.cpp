#include "put/lock_turns.hpp"

#include <asio/error.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/error.hpp>

#include <cassert>
#include <new>
#include <utility>

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;

// Bounds the retries when the lock file is replaced again and again.
constexpr int attempts_max = 8;
// How often the loop polls, as an original does, if no thread can wait in the kernel.
constexpr auto ask_interval = 5ms;
// A lease ends after this time: an original, which polls, must not wait longer than without leases.
constexpr auto lease_max = 10ms;
// The kernel is asked this often whether others wait: a waiter needs some 35 us to wake anyway.
constexpr auto wanted_interval = 20us;
// While others came for the lock within this time, it is left after every batch.
constexpr auto wanted_memory = 1ms;
// In the middle of a long job, other waiters need this long to wake.
constexpr auto gap = 1ms;

bool no_thread_could_wait(std::error_code error) noexcept {
  return error == std::errc::resource_unavailable_try_again ||
         error == std::errc::not_enough_memory;
}

}  // namespace

lock_turns::lock_turns(put_shared& our) : our_(our), lock_(our.disk, our.state.place()) {
  // The first timer of a context needs a descriptor, which may be unavailable later.
  const asio::steady_timer first(our.home.context());
}

bool lock_turns::others_are_due() {
  const auto now = clock::now();
  return our_.state.seals.lock_wanted() || fairness_.poller_is_due(lock_.changes(), now) ||
         (fairness_.has_been_busy(now) && is_wanted(now));
}

asio::awaitable<void> lock_turns::let_others_go_first() {
  if (fairness_.poller_is_due(lock_.changes(), clock::now())) {
    co_await rest(fairness::rest_for_poller);
    fairness_.had_a_rest();
  } else {
    co_await rest(fairness::rest_for_waiter);
    fairness_.gave_way_to_waiter();
  }
}

// A timer in the frame: one of the store's might outlive the context, which it must not.
asio::awaitable<void> lock_turns::rest(std::chrono::microseconds time) {
  asio::steady_timer pause(our_.home.context(), time);
  co_await pause.async_wait(asio::use_awaitable);
}

bool lock_turns::try_take(holding& held) {
  held = lock_.try_take();
  if (!held || !our_.file.try_adopt(*held)) return false;
  fairness_.found_unchanged(our_.file.found_unchanged());
  return true;
}

asio::awaitable<std::error_code> lock_turns::take(holding& held) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const auto asked = clock::now();
    bool waited = false;
    std::error_code error;
    if (!held) error = co_await wait(held, waited);
    given_up_ = waited && error == asio::error::operation_aborted;
    if (error) co_return error;
    if (waited) count_wait(clock::now() - asked);
    error = co_await our_.file.adopt(*held);
    fairness_.found_unchanged(!error && !waited && our_.file.found_unchanged());
    if (!error) co_return error;
    held.reset();
    if (error != errc::locked) co_return error;
    error = lock_.reopen();
    if (error) co_return error;
  }
  co_return make_error_code(errc::locked);
}

// Reports a long wait, unless the wait ends before.
void lock_turns::set_alarm(asio::steady_timer& alarm) const try {
  alarm.expires_after(lock::long_wait);
  alarm.async_wait([state = our_.state.weak_from_this()](const std::error_code& stopped) {
    const auto open = stopped ? nullptr : state.lock();
    if (open && !open->forked()) open->notify_of_lock_wait();
  });
} catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
  // The wait matters more.
}

asio::awaitable<std::error_code> lock_turns::wait(holding& held, bool& waited) {
  held = lock_.try_take_for_a_moment();
  if (held) co_return std::error_code{};
  asio::steady_timer alarm(our_.home.context());
  set_alarm(alarm);
  for (;;) {
    bool was_taken = false;
    const std::error_code error = co_await lock_.take(our_.home, held, was_taken);
    waited = waited || was_taken;
    if (!was_taken || !no_thread_could_wait(error)) co_return error;
    lock_.knock();
    co_await rest(ask_interval);
    if (our_.state.forked()) co_return make_error_code(errc::forked);
  }
}

void lock_turns::count_wait(clock::duration wait) noexcept {
  const auto wait_us = std::chrono::duration_cast<std::chrono::microseconds>(wait).count();
  our_.counted.lock_waits.add(1);
  our_.counted.lock_wait_us.add(static_cast<std::uint64_t>(wait_us));
  fairness_.had_a_rest();
}

void lock_turns::leave(holding& held) {
  assert(held && our_.puts.kernel_has_answered());
  our_.file.leave(*held);
  held.reset();
  fairness_.released(clock::now());
  if (std::exchange(leased_, false)) lease_.end();
}

// ---- between two batches

void lock_turns::keep_or_leave(holding& held) {
  if (!leased_ && !put_follows_) return leave(held);
  const auto now = clock::now();
  if (!may_keep(now) || !our_.file.prepare_to_park(*held)) return leave(held);
  assert(our_.puts.kernel_has_answered());
  lease_.park(std::move(*held), now);
  held.reset();
}

bool lock_turns::may_keep(clock::time_point now) {
  if (leased_) return now - lease_begun_ < lease_max && !is_wanted(now);
  if (!fairness::may_lease(lock_.changes(), now) || is_wanted(now) || !lease_.begin(now))
    return false;
  leased_ = true;
  lease_begun_ = now;
  return true;
}

bool lock_turns::is_wanted(clock::time_point now) {
  if (now - wanted_at_ < wanted_memory) return true;
  if (now - asked_at_ < wanted_interval) return false;
  asked_at_ = now;
  const bool wanted = our_.state.seals.lock_wanted() || lock_.is_waited_for();
  if (wanted) wanted_at_ = now;
  return wanted;
}

bool lock_turns::resume(holding& held) {
  if (!leased_) return false;
  held = lease_.resume();
  if (held) return true;
  leased_ = false;
  our_.file.was_left();
  fairness_.released(lease_.released_at());
  return false;
}

void lock_turns::end_lease() {
  holding held;
  if (resume(held)) leave(held);
}

asio::awaitable<std::error_code> lock_turns::let_others_in(holding& held) {
  leave(held);
  co_await rest(gap);
  if (our_.state.forked()) co_return make_error_code(errc::forked);
  std::error_code error;
  if (try_take(held)) co_return error;
  do {
    error = co_await take(held);
    // The wait was given up for the operations behind this job; the job goes on.
  } while (error && given_up_);
  co_return error;
}

}  // namespace conduit::detail
