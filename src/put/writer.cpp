#include "put/writer.hpp"

#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/error.hpp>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/checksum.hpp"
#include "base/os_error.hpp"
#include "io/deliver.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// A process that never pauses would starve the others: a waiter needs some 35 us to wake, an
// original polls. After `busy_max` without a gap of `gap_min` the lock is left free for
// `rest_time`, if anybody came for it within `visit_memory`: an original polls for that long.
// Whoever began to poll before we opened the lock file was not seen, and is rare: for a while he
// gets a rest now and then.
constexpr auto busy_max = 10ms;
constexpr auto gap_min = 200us;
constexpr auto rest_time = 3ms;
// For our own thread that compresses sealed files: it looks every 100 us at first.
constexpr auto short_rest_time = 500us;
constexpr auto visit_memory = 5s;
constexpr auto unseen_busy_max = 60ms;
constexpr auto unseen_memory = 20s;

constexpr int reopen_attempts = 8;

}  // namespace

writer::writer(std::shared_ptr<store_state> state, asio::io_context& home,
               std::unique_ptr<io::file_io> disk)
    : state_(std::move(state)),
      home_(home),
      port_(io::completion_port::of(home)),
      disk_(std::move(disk)),
      queue_(*disk_, state_->how.pending_put_bytes),
      tenure_(*state_, *disk_, port_),
      frames_(state_->how.frame_bytes, state_->how.level),
      pause_(home) {}

writer::~writer() {
  // What still runs in the background syncs through our disk.
  state_->helpers.join();
}

std::error_code writer::open_lock(unsigned permissions) { return tenure_.lock().open(permissions); }

void writer::watch() { tenure_.watch(); }

std::error_code writer::submit(queued_op& operation) {
  io::completion_port& port = operation.owner->port;
  port.send_away(operation);
  const put_queue::accepted accepted = queue_.push(operation);
  if (accepted == put_queue::accepted::yes) return {};
  if (accepted != put_queue::accepted::start_writer) {
    port.take_back(operation);
    return accepted == put_queue::accepted::busy ? errc::busy : errc::closed;
  }
  try {
    asio::co_spawn(
        home_, [self = shared_from_this()] { return self->run(); },
        [self = shared_from_this()](const std::exception_ptr& failure) {
          if (failure) self->fail_all_for_want_of_memory();
        });
  } catch (const std::bad_alloc&) {
    fail_all_for_want_of_memory();
  }
  return {};
}

// Nothing else ends the coroutine before its time. Everything that waits learns of it; the lock is
// free already.
void writer::fail_all_for_want_of_memory() noexcept {
  deliver(std::move(ended_));
  deliver(queue_.fail_all(std::make_error_code(std::errc::not_enough_memory)));
}

void writer::cancel(queued_op& operation) {
  if (!queue_.withdraw(operation)) return;
  operation.error = asio::error::operation_aborted;
  // A wait for the lock on nobody's behalf would keep `run` from returning. Before the delivery: it
  // may be the end of this object.
  if (queue_.empty()) tenure_.lock().give_up();
  operation.owner->port.deliver(operation);
}

bool writer::revoke(queued_op& operation) noexcept {
  const bool revoked = queue_.revoke(operation);
  if (revoked && queue_.empty()) tenure_.lock().give_up();
  return revoked;
}

void writer::abandon() {
  work_queue withdrawn = queue_.withdraw_all();
  tenure_.lock().give_up();
  deliver(std::move(withdrawn));
}

void writer::deliver(work_queue finished) {
  work_queue of_home = deliver_abroad(finished);
  if (!of_home.empty()) port_.deliver_all(of_home);
}

// On a thread of home: a few handlers run at once, without another turn of the loop. False where
// they are too many for that.
bool writer::complete_few() {
  work_queue of_home = deliver_abroad(ended_);
  unsigned handlers = handlers_run_;
  for (completion* entry = of_home.empty() ? nullptr : &of_home.front(); entry != nullptr;
       entry = of_home.after(*entry))
    ++handlers;
  if (handlers > io::handlers_a_turn) {
    ended_.splice(of_home);
    return false;
  }
  handlers_run_ = handlers;
  port_.take_back_all(of_home);
  while (!of_home.empty() && !forked()) {
    completion& next = of_home.pop_front();
    try {
      next.complete();
    } catch (...) {
      throw_from_context(std::current_exception());
    }
  }
  return true;
}

// A handler's exception belongs to whoever runs the context, not to this coroutine.
void writer::throw_from_context(std::exception_ptr thrown) noexcept {
  try {
    asio::post(home_, [thrown = std::move(thrown)] { std::rethrow_exception(thrown); });
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
    // The exception is lost: the other handlers matter more.
  }
}

// The handlers get turns of their own, and this coroutine goes on behind the last of them: what
// they have put can be written together.
asio::awaitable<void> writer::complete_in_turns() {
  io::awaited<completion> behind;
  auto begin = [this, &behind] {
    port_.send_away(behind);
    ended_.push_back(behind);
    port_.deliver_all(ended_);
  };
  co_await behind.until_complete(std::move(begin));
  handlers_run_ = 0;
}

asio::awaitable<void> writer::complete() {
  if (!complete_few()) co_await complete_in_turns();
}

work_queue writer::deliver_abroad(work_queue& finished) {
  work_queue of_home;
  while (!finished.empty()) {
    auto& operation = static_cast<queued_op&>(finished.pop_front());
    io::completion_port& port = operation.owner->port;
    if (&port == &port_) {
      of_home.push_back(operation);
    } else {
      port.deliver(operation);
    }
  }
  return of_home;
}

asio::awaitable<void> writer::run() {
  // However this coroutine ends, by an exception or with its context, nobody may wait for it, in
  // this process or another.
  struct on_exit {
    writer& self;
    bool ended = false;  // as it should: another coroutine may be running already
    ~on_exit() {
      // In a forked child the lock, and the file, are the parent's.
      if (ended || self.forked()) return;
      self.queue_.released();
      self.frames_held_ = false;
      if (!self.lock_held_) return;
      self.tenure_.finish_table();
      self.unlock();
    }
  } guard{*this};
  // A coroutine that is spawned on its own context begins inside the call; handlers must not run
  // there.
  co_await asio::post(home_, asio::use_awaitable);
  while (!forked() && queue_.has_work_or_end()) {
    if (!frames_held_ && queue_.take_close()) {
      // The lock is to be free, and what was asked of the thread for compression done.
      auto rest_of_it = [state = state_]() -> std::int64_t {
        state->seals.close();
        return 0;
      };
      co_await state_->helpers.run(port_, std::move(rest_of_it));
      add_ended(queue_.finish_running({}));
      co_await complete();
      continue;
    }
    if (!frames_held_ && tenure_.form() == file_form::zstd) {
      co_await encode_batch();
      if (!frames_held_ && queue_.empty()) continue;  // all were cancelled meanwhile
    }
    if (rest_is_due()) {
      co_await rest(rest_time);
      busy_since_ = clock::now();
    } else if (state_->seals.lock_wanted()) {
      co_await rest(short_rest_time);
    }
    if (!frames_held_ && sync_is_next()) co_await sync_without_lock();
    if (forked()) break;
    std::error_code error;
    if (!try_take_lock()) error = co_await take_lock();
    if (error && std::exchange(wait_given_up_, false)) {
      frames_held_ = frames_held_ && !queue_.empty();
      continue;
    }
    if (error) {
      frames_held_ = false;
      deliver(queue_.fail_all_that_need_the_lock(error));
      continue;
    }
    std::optional<put_queue::job> job;
    if (!frames_held_) job = queue_.take_job();
    if (frames_held_) {
      co_await write_frames();
    } else if (job) {
      co_await run_job(*job);
    } else if (queue_.empty()) {
      leave_lock();  // all were cancelled while we waited
    } else {
      co_await write_batch();
    }
    if (forked()) break;
    // What the handlers have put is the next batch. Where they put nothing, whatever arrives in
    // this turn is. A turn of the loop costs as much as the rest of a small batch.
    if (handlers_run_ >= io::handlers_a_turn || queue_.empty()) {
      handlers_run_ = 0;
      co_await asio::post(home_, asio::use_awaitable);
    }
  }
  guard.ended = true;
}

bool writer::rest_is_due() noexcept {
  const auto now = clock::now();
  if (now - released_at_ >= gap_min) busy_since_ = now;
  const bool visited = now - tenure_.changes().last_visit() <= visit_memory;
  const bool perhaps_unseen = now - tenure_.changes().begun() <= unseen_memory;
  return (visited && now - busy_since_ >= busy_max) ||
         (perhaps_unseen && now - busy_since_ >= unseen_busy_max);
}

asio::awaitable<void> writer::rest(std::chrono::microseconds time) {
  pause_.expires_after(time);
  co_await pause_.async_wait(asio::use_awaitable);
}

// The common case: nobody else has the lock or did anything. False: `take_lock` goes on from here.
bool writer::try_take_lock() {
  lock_held_ = tenure_.lock().try_acquire();
  return lock_held_ && tenure_.try_begin();
}

asio::awaitable<std::error_code> writer::take_lock() {
  for (int attempt = 0; attempt < reopen_attempts; ++attempt) {
    const auto asked = clock::now();
    bool waited = false;
    std::error_code error;
    if (!lock_held_) error = co_await tenure_.lock().acquire(port_, waited);
    wait_given_up_ = waited && error == asio::error::operation_aborted;
    if (error) co_return error;
    lock_held_ = true;
    if (waited) {
      const auto wait = std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - asked);
      counted_.lock_waits.fetch_add(1, std::memory_order_relaxed);
      counted_.lock_wait_us.fetch_add(static_cast<std::uint64_t>(wait.count()),
                                      std::memory_order_relaxed);
      busy_since_ = clock::now();
    }
    error = co_await tenure_.begin();
    if (!error) co_return error;
    unlock();
    if (error != errc::locked) co_return error;
    state_->notify(event::kind::lock_file_replaced,
                   state_->lock_path + " was unlinked or replaced; using what stands there now");
    error = tenure_.lock().reopen(state_->how.create ? state_->how.file_mode : 0);
    if (error) co_return error;
    tenure_.watch();
  }
  co_return make_error_code(errc::locked);
}

void writer::leave_lock() {
  tenure_.end();
  unlock();
  released_at_ = clock::now();
}

void writer::unlock() noexcept {
  tenure_.lock().release();
  lock_held_ = false;
}

void writer::add_to(store_stats& sum) const noexcept {
  sum.puts += counted_.puts.load(std::memory_order_relaxed);
  sum.put_bytes += counted_.put_bytes.load(std::memory_order_relaxed);
  sum.batches += counted_.batches.load(std::memory_order_relaxed);
  sum.inline_appends += counted_.inline_appends.load(std::memory_order_relaxed);
  sum.ring_appends += counted_.ring_appends.load(std::memory_order_relaxed);
  sum.syncs += counted_.syncs.load(std::memory_order_relaxed);
  sum.lock_waits += counted_.lock_waits.load(std::memory_order_relaxed);
  sum.lock_wait_us += counted_.lock_wait_us.load(std::memory_order_relaxed);
  sum.rolls += counted_.rolls.load(std::memory_order_relaxed);
  sum.put_queue_waits += queue_.waits();
}

}  // namespace conduit::detail
