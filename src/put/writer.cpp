#include "put/writer.hpp"

#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/error.hpp>

#include <cassert>
#include <chrono>
#include <utility>

#include "store/binding.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr int reopen_attempts = 8;
constexpr auto ask_interval = 5ms;

}  // namespace

writer::writer(std::shared_ptr<store_state> state, asio::io_context& home,
               std::unique_ptr<io::file_io> disk)
    : state_(std::move(state)),
      home_(home),
      port_(io::completion_port::of(home)),
      disk_(std::move(disk)),
      puts_(*disk_, state_->how.pending_put_bytes),
      lock_(*disk_, state_->place()),
      file_(*state_, *disk_, port_),
      frames_(state_->how.frame_bytes, state_->how.level),
      append_(*state_, *disk_, port_, puts_, file_, frames_, counted_),
      ended_(port_),
      pause_(home) {}

writer::~writer() {
  // What still runs in the background syncs through our disk.
  state_->helpers.join();
}

std::error_code writer::open_lock() { return lock_.open(); }

void writer::watch() { lock_.watch(); }

std::error_code writer::submit(queued_op& operation) {
  io::completion_port& port = operation.owner->port;
  port.send_away(operation);
  const pending_puts::accepted accepted = puts_.push(operation);
  if (accepted == pending_puts::accepted::yes) return {};
  if (accepted != pending_puts::accepted::start_writer) {
    port.take_back(operation);
    return accepted == pending_puts::accepted::busy ? errc::busy : errc::closed;
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
  ended_.deliver_rest();
  ended_.deliver(puts_.fail_all(std::make_error_code(std::errc::not_enough_memory)));
}

void writer::cancel(queued_op& operation) {
  if (!puts_.withdraw(operation)) return;
  operation.error = asio::error::operation_aborted;
  // A wait for the lock on nobody's behalf would keep `run` from returning. Before the delivery: it
  // may be the end of this object.
  if (puts_.empty()) lock_.give_up();
  operation.owner->port.deliver(operation);
}

bool writer::revoke(queued_op& operation) noexcept {
  const bool revoked = puts_.revoke(operation);
  if (revoked && puts_.empty()) lock_.give_up();
  return revoked;
}

void writer::abandon() {
  work_queue withdrawn = puts_.withdraw_all();
  lock_.give_up();
  ended_.deliver(std::move(withdrawn));
}

// However the writer's coroutine ends, by an exception or with its context, nobody may wait for it,
// in this process or another.
class writer::end_of_run {
 public:
  explicit end_of_run(writer& self) noexcept : self_(self) {}
  end_of_run(const end_of_run&) = delete;
  end_of_run& operator=(const end_of_run&) = delete;
  ~end_of_run() {
    // In a forked child the lock, and the file, are the parent's.
    if (orderly_ || self_.forked()) return;
    self_.puts_.released();
    if (!self_.held_) return;
    self_.file_.finish_table(*self_.held_);
    self_.held_.reset();
  }

  // Another coroutine may be running already.
  void was_orderly() noexcept { orderly_ = true; }

 private:
  writer& self_;
  bool orderly_ = false;
};

// Waits for what was asked of the thread that compresses; the lock is free.
asio::awaitable<void> writer::finish_close() {
  auto rest_of_it = [state = state_]() -> std::int64_t {
    state->seals.close();
    return 0;
  };
  co_await state_->helpers.run(port_, std::move(rest_of_it));
  ended_.add(puts_.finish_job({}, {}));
  co_await ended_.complete();
}

asio::awaitable<void> writer::run() {
  end_of_run end(*this);
  // A coroutine that is spawned on its own context begins inside the call; handlers must not run
  // there.
  co_await asio::post(home_, asio::use_awaitable);
  while (!forked() && puts_.has_work_or_end()) {
    if (!puts_.has_frames() && puts_.take_close()) {
      co_await finish_close();
      continue;
    }
    if (!puts_.has_frames() && file_.form() == file_form::zstd) {
      co_await encode_batch();
      if (forked()) break;
      if (!puts_.has_frames() && puts_.empty()) continue;  // all were cancelled meanwhile
    }
    if (fairness_.rest_is_due(lock_.changes())) {
      co_await rest(fairness::rest);
      fairness_.had_a_rest();
    } else if (state_->seals.lock_wanted()) {
      co_await rest(fairness::rest_for_sealer);
    }
    if (!puts_.has_frames() && sync_is_next()) co_await sync_without_lock();
    if (forked()) break;
    std::error_code error;
    if (!try_take_lock()) error = co_await take_lock();
    if (forked()) break;
    if (error && std::exchange(ask_again_, false)) continue;
    if (error) {
      ended_.deliver(puts_.fail_all_that_need_the_lock(error));
      continue;
    }
    if (puts_.has_frames()) {
      co_await write_frames();
    } else if (const auto job = puts_.take_job()) {
      co_await run_job(*job);
    } else if (puts_.next_needs_no_lock()) {
      leave_lock();  // those that need it were cancelled while we waited
    } else {
      co_await write_batch();
    }
    if (forked()) break;
    // What the handlers have put is the next batch. Where they put nothing, whatever arrives in
    // this turn is. A turn of the loop costs as much as the rest of a small batch.
    if (ended_.turn_is_full() || puts_.empty()) {
      ended_.turn_began();
      co_await asio::post(home_, asio::use_awaitable);
    }
  }
  end.was_orderly();
}

asio::awaitable<void> writer::rest(std::chrono::microseconds time) {
  pause_.expires_after(time);
  co_await pause_.async_wait(asio::use_awaitable);
}

// The common case: nobody else has the lock or did anything. False: `take_lock` goes on from here.
bool writer::try_take_lock() {
  held_ = lock_.try_take();
  return held_ && file_.try_adopt(*held_);
}

// Where no thread can wait in the kernel, the loop asks now and then, as an original does.
asio::awaitable<std::error_code> writer::wait_for_lock(bool& waited) {
  for (;;) {
    bool was_taken = false;
    const std::error_code error = co_await lock_.take(port_, held_, was_taken);
    waited = waited || was_taken;
    const bool none_could_wait = was_taken && (error == std::errc::resource_unavailable_try_again ||
                                               error == std::errc::not_enough_memory);
    if (!none_could_wait) co_return error;
    co_await rest(ask_interval);
    if (forked()) co_return make_error_code(errc::forked);
  }
}

asio::awaitable<std::error_code> writer::take_lock() {
  for (int attempt = 0; attempt < reopen_attempts; ++attempt) {
    const auto asked = clock::now();
    bool waited = false;
    std::error_code error;
    if (!held_) error = co_await wait_for_lock(waited);
    ask_again_ = waited && error == asio::error::operation_aborted;
    if (error) co_return error;
    if (waited) {
      const auto wait = std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - asked);
      counted_.lock_waits.fetch_add(1, std::memory_order_relaxed);
      counted_.lock_wait_us.fetch_add(static_cast<std::uint64_t>(wait.count()),
                                      std::memory_order_relaxed);
      fairness_.had_a_rest();
    }
    error = co_await file_.adopt(*held_);
    if (!error) co_return error;
    held_.reset();
    if (error != errc::locked) co_return error;
    error = lock_.reopen();
    if (error) co_return error;
  }
  co_return make_error_code(errc::locked);
}

void writer::leave_lock() {
  assert(held_ && puts_.kernel_has_answered());
  file_.leave(*held_);
  held_.reset();
  fairness_.released();
}

void writer::add_to(store_stats& sum) const noexcept {
  counted_.add_to(sum);
  sum.put_queue_waits += puts_.waits();
}

}  // namespace conduit::detail
