#include "put/writer.hpp"

#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/error.hpp>

#include <cassert>
#include <utility>

#include "put/recover_file.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

writer::writer(std::shared_ptr<store_state> state, asio::io_context& context,
               std::unique_ptr<io::file_io> disk)
    : state_(std::move(state)),
      context_(context),
      disk_(std::move(disk)),
      our_(*state_, *disk_, io::completion_port::of(context)),
      turns_(our_),
      append_(our_),
      plain_(our_, append_),
      framed_(our_, append_),
      sync_(our_),
      removal_(our_, turns_) {}

writer::~writer() {
  // Background work still syncs through our disk.
  state_->helpers.join();
}

std::error_code writer::open_lock() { return turns_.open(); }

void writer::watch() { turns_.watch(); }

std::error_code writer::submit(queued_op& operation) {
  io::completion_port& port = operation.owner->port;
  port.send_away(operation);
  const pending_puts::accepted accepted = our_.puts.push(operation);
  if (accepted == pending_puts::accepted::yes) return {};
  if (accepted != pending_puts::accepted::start_writer) {
    port.take_back(operation);
    return accepted == pending_puts::accepted::busy ? errc::busy : errc::closed;
  }
  try {
    asio::co_spawn(
        context_, [self = shared_from_this()] { return self->run(); },
        [self = shared_from_this()](const std::exception_ptr& failure) {
          if (failure) self->fail_all_for_want_of_memory();
        });
  } catch (const std::bad_alloc&) {
    fail_all_for_want_of_memory();
  }
  return {};
}

// Nothing else ends the coroutine early. All waiting operations learn of it; the lock is already
// free.
void writer::fail_all_for_want_of_memory() noexcept {
  our_.ended.deliver_rest();
  our_.ended.deliver(our_.puts.fail_all(std::make_error_code(std::errc::not_enough_memory)));
}

void writer::cancel(queued_op& operation) {
  if (!our_.puts.withdraw(operation)) return;
  operation.error = asio::error::operation_aborted;
  // A wait for the lock that nobody needs would keep `run` from returning. Before the delivery,
  // which may be the end of this object.
  if (our_.puts.empty()) turns_.give_up();
  operation.owner->port.deliver(operation);
}

bool writer::revoke(queued_op& operation) noexcept {
  const bool revoked = our_.puts.revoke(operation);
  if (revoked && our_.puts.empty()) turns_.give_up();
  return revoked;
}

void writer::abandon() {
  work_queue withdrawn = our_.puts.withdraw_all();
  turns_.give_up();
  our_.ended.deliver(std::move(withdrawn));
}

// If the coroutine ends early, by an exception or with its context, nobody may be left waiting: for
// the memory of a put in this process, or for the table in another.
class writer::end_of_run {
 public:
  end_of_run(writer& self, lock_turns::holding& held) noexcept : self_(self), held_(held) {}
  end_of_run(const end_of_run&) = delete;
  end_of_run& operator=(const end_of_run&) = delete;
  ~end_of_run() {
    // In a forked child the lock, and the file, are the parent's.
    if (orderly_ || self_.forked()) return;
    self_.framed_.give_up();
    self_.our_.puts.released();
    self_.turns_.end_lease();
    if (held_) self_.our_.file.finish_table(*held_);
  }

  // Another coroutine may already be running.
  void was_orderly() noexcept { orderly_ = true; }

 private:
  writer& self_;
  lock_turns::holding& held_;
  bool orderly_ = false;
};

// Waits for the work that the compressing thread was asked to do; the lock is free.
asio::awaitable<void> writer::finish_close() {
  // It may have been cancelled.
  if (!our_.puts.take_close()) co_return;
  auto rest_of_it = [state = state_]() -> std::int64_t {
    state->seals.close();
    return 0;
  };
  co_await state_->helpers.run(our_.home, std::move(rest_of_it));
  our_.ended.add(our_.puts.finish_job({}, {}));
  co_await our_.ended.complete();
}

asio::awaitable<void> writer::run() {
  pending_puts& puts = our_.puts;
  delivery& ended = our_.ended;
  lock_turns::holding held;
  end_of_run end(*this, held);
  // A coroutine that is spawned on its own context begins inside the call; handlers must not run
  // there.
  co_await asio::post(context_, asio::use_awaitable);
  while (!forked()) {
    const pending_puts::work next = puts.next();
    if (next != pending_puts::work::puts) turns_.end_lease();
    if (next == pending_puts::work::none && puts.end_if_idle()) break;
    if (next == pending_puts::work::close) co_await finish_close();
    if (next == pending_puts::work::none || next == pending_puts::work::close) continue;
    const bool encodes = puts.has_next_batch() || our_.file.form() == file_form::zstd;
    if (!puts.has_frames() && encodes) {
      co_await framed_.encode();
      co_await ended.complete();
      if (forked()) break;
      if (!puts.has_frames() && puts.empty()) continue;  // all were cancelled meanwhile
    }
    if (!turns_.resume(held)) {
      const bool simple = next == pending_puts::work::puts && !turns_.others_are_due();
      std::error_code error;
      if (!simple || !turns_.try_take(held)) error = co_await take_lock(held);
      if (forked()) break;
      if (error) continue;
    }
    if (puts.has_frames()) {
      co_await framed_.write(*held);
    } else if (const auto job = puts.take_job()) {
      co_await run_job(*job, held);
    } else if (!puts.next_needs_no_lock()) {  // else the operations that need it were cancelled
      co_await plain_.write(*held);
    }
    if (forked()) break;
    // A lock that is not kept is free before anybody is told.
    if (held) turns_.keep_or_leave(held);
    if (!ended.complete_few()) co_await ended.complete_in_turns();
    if (forked()) break;
    const bool put_follows = !puts.empty();
    turns_.handlers_queued(put_follows);
    // The puts that the handlers started are the next batch. If there are none, the puts that
    // arrive in this turn are. A turn of the loop costs as much as the rest of a small batch.
    if (ended.turn_is_full() || !put_follows) {
      ended.turn_began();
      co_await asio::post(context_, asio::use_awaitable);
    }
  }
  end.was_orderly();
}

// The rare ways to take the lock. After an error the operations that need it have failed.
asio::awaitable<std::error_code> writer::take_lock(lock_turns::holding& held) {
  if (!held && turns_.others_are_due()) co_await turns_.let_others_go_first();
  if (!held && !our_.puts.has_frames() && sync_.is_next()) co_await sync_.prepare();
  if (forked()) co_return make_error_code(errc::forked);
  const std::error_code error = co_await turns_.take(held);
  if (error && !forked() && !turns_.was_given_up())
    our_.ended.deliver(our_.puts.fail_all_that_need_the_lock(error));
  co_return error;
}

asio::awaitable<void> writer::run_job(pending_puts::job job, lock_turns::holding& held) {
  std::error_code error;
  switch (job.what) {
    case queued_op::kind::roll:
      error = co_await our_.file.begin_next(*held, "asked to", job.number);
      if (error) break;
      job.number = held->mutable_number().value_or(0);
      our_.counted.rolls.add(1);
      break;
    case queued_op::kind::remove:
      error = co_await removal_.remove(*held, job.number);
      break;
    case queued_op::kind::remove_before:
      error = co_await removal_.remove_before(held, job.number, job.count);
      break;
    case queued_op::kind::recover:
      error = co_await recover_file(our_, *held, job.number, job.recovered);
      break;
    case queued_op::kind::sync:
      error = co_await sync_.finish(*held);
      break;
    case queued_op::kind::close:
    case queued_op::kind::append:
      assert(false);  // neither is a job under the lock
      break;
  }
  // In a forked child the job belongs to the parent, which completes it.
  if (forked()) co_return;
  // Only batches keep the lock.
  if (held) turns_.leave(held);
  const bool removes =
      job.what == queued_op::kind::remove || job.what == queued_op::kind::remove_before;
  if (removes) co_await removal_.give_space_back();
  if (!forked()) our_.ended.add(our_.puts.finish_job(job, error));
}

void writer::add_to(store_stats& sum) const noexcept {
  our_.counted.add_to(sum);
  sum.put_queue_waits += our_.puts.waits();
}

}  // namespace conduit::detail
