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
#include "files/binding.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// ext4 gives buffered writes of the ring to worker threads: up to this size the copy costs less than the hand-over.
constexpr std::uint64_t inline_append_max = 256U << 10;

// A process that never pauses would starve the others: a waiter needs some 35 us to wake, an original polls. After `busy_max` without a
// gap of `gap_min` the lock is left free for `rest_time`, if anybody came for it within `visit_memory`: an original polls for that long.
// Whoever began to poll before we opened the lock file was not seen, and is rare: for a while he gets a rest now and then.
constexpr auto busy_max = 10ms;
constexpr auto gap_min = 200us;
constexpr auto rest_time = 3ms;
constexpr auto visit_memory = 5s;
constexpr auto unseen_busy_max = 60ms;
constexpr auto unseen_memory = 20s;

// Batches in a row without a turn of the loop: the turn costs as much as the rest of a small batch.
constexpr int batches_a_turn = 16;

constexpr int reopen_attempts = 8;

// The requests of an append; they live in the writer's coroutine.
using awaited_request = io::awaited<io_request>;
// The write of a linked pair: its sync, which ends after it in every case, resumes the coroutine.
class silent_request final : public io_request {
 public:
  void complete() override {}
  void drop() noexcept override {}
};

void describe_write(io_request& request, int fd, const io::iov_cursor& from) noexcept {
  request.what = io_request::kind::write;
  request.fd = fd;
  request.iov = from.parts();
  request.iov_count = from.part_count();
  request.offset = from.offset();
}

}  // namespace

writer::writer(std::shared_ptr<store_state> state, asio::io_context& home, std::unique_ptr<io::file_io> disk)
    : state_(std::move(state)),
      home_(home),
      port_(io::completion_port::of(home)),
      disk_(std::move(disk)),
      queue_(*disk_, state_->how.pending_put_bytes),
      tenure_(*state_, *disk_, port_),
      frames_(state_->how.frame_bytes, state_->how.level) {}

writer::~writer() {
  // What still runs in the background syncs through our disk.
  state_->helpers.join();
}

std::error_code writer::open_lock(unsigned permissions) {
  const std::error_code error = tenure_.lock().open(permissions);
  if (!error) tenure_.watch();
  return error;
}

void writer::submit(queued_op& operation) {
  operation.owner->port.send_away(operation);
  if (!queue_.push(operation)) return;
  asio::co_spawn(
      home_, [self = shared_from_this()] { return self->run(); },
      [self = shared_from_this()](const std::exception_ptr& failure) {
        if (!failure) return;
        // Only memory can have run out. Everything that waits learns of it; the lock is free already.
        self->deliver(self->queue_.fail_all(std::make_error_code(std::errc::not_enough_memory)));
      });
}

void writer::cancel(queued_op& operation) {
  if (!queue_.withdraw(operation)) return;
  operation.error = asio::error::operation_aborted;
  // A wait for the lock on nobody's behalf would keep `run` from returning. Before the delivery: it may be the end of this object.
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

// On a thread of home: its own handlers run at once, without another turn of the loop.
void writer::complete(work_queue finished) {
  work_queue of_home = deliver_abroad(finished);
  port_.take_back_all(of_home);
  while (!of_home.empty()) {
    completion& next = of_home.pop_front();
    try {
      next.complete();
    } catch (...) {
      // A handler's exception belongs to whoever runs the context, not to this coroutine.
      asio::post(home_, [thrown = std::current_exception()] { std::rethrow_exception(thrown); });
    }
  }
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
  // However this coroutine ends, by an exception or with its context, nobody may wait for it, in this process or another.
  struct on_exit {
    writer& self;
    bool ended = false;  // as it should: another coroutine may be running already
    ~on_exit() {
      if (ended) return;
      self.queue_.released();
      self.frames_held_ = false;
      if (!self.lock_held_) return;
      self.tenure_.finish_table();
      self.unlock();
    }
  } guard{*this};
  // A coroutine that is spawned on its own context begins inside the call; handlers must not run there.
  co_await asio::post(home_, asio::use_awaitable);
  for (int batch = 0; queue_.has_work_or_end(); ++batch) {
    if (!frames_held_ && queue_.take_close()) {
      complete(queue_.finish_running({}));
      continue;
    }
    if (!frames_held_ && tenure_.form() == file_form::zstd) {
      co_await encode_batch();
      if (!frames_held_ && queue_.empty()) continue;  // all were cancelled meanwhile
    }
    if (rest_is_due()) co_await rest();
    std::error_code error;
    if (!try_take_lock()) error = co_await take_lock();
    if (error && std::exchange(wait_given_up_, false)) {
      frames_held_ = frames_held_ && !queue_.empty();
      continue;
    }
    if (error) {
      frames_held_ = false;
      deliver(queue_.fail_all(error));
      break;
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
    // What the handlers have put is the next batch. Where they put nothing, whatever arrives in this turn is.
    if (batch % batches_a_turn == 0 || queue_.empty()) co_await asio::post(home_, asio::use_awaitable);
  }
  guard.ended = true;
}

bool writer::rest_is_due() noexcept {
  const auto now = clock::now();
  if (now - released_at_ >= gap_min) busy_since_ = now;
  const bool visited = now - tenure_.changes().last_visit() <= visit_memory;
  const bool perhaps_unseen = now - tenure_.changes().begun() <= unseen_memory;
  return (visited && now - busy_since_ >= busy_max) || (perhaps_unseen && now - busy_since_ >= unseen_busy_max);
}

asio::awaitable<void> writer::rest() {
  asio::steady_timer pause(home_, rest_time);
  co_await pause.async_wait(asio::use_awaitable);
  busy_since_ = clock::now();
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
      counted_.lock_wait_us.fetch_add(static_cast<std::uint64_t>(wait.count()), std::memory_order_relaxed);
      busy_since_ = clock::now();
    }
    error = co_await tenure_.begin();
    if (!error) co_return error;
    unlock();
    if (error != errc::locked) co_return error;
    state_->notify(event::kind::lock_file_replaced, state_->lock_path + " was unlinked or replaced; using what stands there now");
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

asio::awaitable<void> writer::write_batch() {
  std::error_code error;
  if (tenure_.form() == file_form::zstd) {
    // `follow`: another process began a compressed file. What is queued has to be encoded first.
    leave_lock();
    co_return;
  }
  if (!tenure_.ready()) error = co_await tenure_.make_ready();
  if (error) {
    // The lock is released before anybody is told, and all that waits is told: nobody can append now.
    leave_lock();
    complete(queue_.fail_appends(error));
    co_return;
  }
  const bool any = begin_batch();
  const std::uint64_t bytes = write_.bytes_left();
  if (!any) {
    // All were cancelled meanwhile.
  } else if (state_->how.durability == durability::fdatasync) {
    error = co_await append_durably();
  } else if (bytes > inline_append_max) {
    error = co_await append_through_engine();
  } else {
    // Not `append_undurably`: the frame of one more coroutine costs a small batch some percent.
    error = append_inline();
    if (error) error = co_await mend_failed_write(error, false);
  }
  end_batch(error, bytes);
}

asio::awaitable<std::error_code> writer::append_undurably() {
  if (write_.bytes_left() > inline_append_max) co_return co_await append_through_engine();
  const std::error_code error = append_inline();
  if (error) co_return co_await mend_failed_write(error, false);
  co_return error;
}

// Gathers what goes into one write. Its memory is in use from here on. False where nothing is left to write.
bool writer::begin_batch() {
  const tail& at = tenure_.mutable_tail();
  const bool any = queue_.take_appends({at.file->number, at.end, state_->how.max_file_size, state_->how.batch_bytes}, write_);
  // An empty blob too: it lies behind bytes that may be another process's.
  if (any && state_->how.durability == durability::none) tenure_.unsynced()->add(at.file);
  return any;
}

void writer::end_batch(std::error_code error, std::uint64_t bytes) {
  if (!error) tenure_.appended(bytes);
  leave_lock();
  if (error == asio::error::operation_aborted && queue_.requeue_revoked()) return;
  work_queue finished = queue_.finish_running(error);
  if (!error && !finished.empty()) count_batch(finished, bytes);
  complete(std::move(finished));
}

void writer::count_batch(work_queue& written, std::uint64_t bytes) noexcept {
  std::uint64_t count = 0;
  for (completion* entry = &written.front(); entry != nullptr; entry = written.after(*entry)) {
    count += static_cast<queued_op*>(entry)->blobs.size();
  }
  counted_.puts.fetch_add(count, std::memory_order_relaxed);
  counted_.put_bytes.fetch_add(bytes, std::memory_order_relaxed);
  counted_.batches.fetch_add(1, std::memory_order_relaxed);
}

std::error_code writer::append_inline() {
  const int fd = tenure_.mutable_tail().file->fd.get();
  counted_.inline_appends.fetch_add(1, std::memory_order_relaxed);
  std::error_code why;
  for (unsigned retries = 0; !write_.done();) {
    if (!progressed(disk_->write(fd, write_.parts(), write_.part_count(), write_.offset()), retries, why)) break;
  }
  return why;
}

// Takes `result` of a write into account. True where the write may go on; else `why` is set.
bool writer::progressed(std::int64_t result, unsigned& retries, std::error_code& why) noexcept {
  if (result > 0) {
    write_.advance(static_cast<std::uint64_t>(result));
    retries = 0;
    return true;
  }
  if ((result == 0 || is_transient(result)) && ++retries <= transient_retries_max) return true;
  why = result == 0 ? std::make_error_code(std::errc::io_error) : os_error(result);
  return false;
}

asio::awaitable<std::error_code> writer::append_through_engine() {
  const int fd = tenure_.mutable_tail().file->fd.get();
  counted_.ring_appends.fetch_add(1, std::memory_order_relaxed);
  std::error_code why;
  for (unsigned retries = 0; !write_.done();) {
    awaited_request write;
    describe_write(write, fd, write_);
    if (!queue_.use_memory(write)) co_return co_await mend_failed_write(asio::error::operation_aborted, false);
    auto start = [&] { disk_->start(write); };
    co_await write.until_complete(std::move(start));
    queue_.released();
    if (!progressed(write.result, retries, why)) co_return co_await mend_failed_write(why, false);
  }
  co_return std::error_code{};
}

// Write and sync as one linked pair. A short write breaks the link: the remainder is tried as a pair again.
asio::awaitable<std::error_code> writer::append_durably() {
  const int fd = tenure_.mutable_tail().file->fd.get();
  counted_.ring_appends.fetch_add(1, std::memory_order_relaxed);
  queue_.released();
  std::error_code why = tenure_.mark_syncing();
  if (why) co_return why;
  if (write_.done()) {
    // Empty blobs alone: they lie behind bytes that another process may have left unsynced, and must not outlive them.
    awaited_request sync;
    sync.what = io_request::kind::sync_data;
    sync.fd = fd;
    auto start = [&] { disk_->start(sync); };
    co_await sync.until_complete(std::move(start));
    if (sync.result < 0) co_return co_await mend_failed_write(os_error(sync.result), true);
  }
  for (unsigned retries = 0; !write_.done();) {
    silent_request write;
    awaited_request sync;
    describe_write(write, fd, write_);
    sync.what = io_request::kind::sync_data;
    sync.fd = fd;
    write.linked = &sync;
    if (!queue_.use_memory(write)) co_return co_await mend_failed_write(asio::error::operation_aborted, false);
    auto start = [&] { disk_->start(write); };
    co_await sync.until_complete(std::move(start));
    queue_.released();
    if (!progressed(write.result, retries, why)) co_return co_await mend_failed_write(why, false);
    // A short write broke the link: nothing was synced. Every other failure counts, of each part of a batch that takes several writes, and
    // is not tried again: after a failed sync the kernel may answer 0 although the data is lost.
    const bool never_begun = sync.result == -ECANCELED && !write_.done();
    if (sync.result < 0 && !never_begun) co_return co_await mend_failed_write(os_error(sync.result), true);
  }
  counted_.syncs.fetch_add(1, std::memory_order_relaxed);
  co_return std::error_code{};
}

// Nothing that failed may stay where the next append goes.
asio::awaitable<std::error_code> writer::mend_failed_write(std::error_code why, bool sync_failed) {
  const tail& at = tenure_.mutable_tail();
  queue_.released();
  if (tenure_.mutable_tail().frames) co_return mend_failed_frames(why, sync_failed);
  const bool file_is_sound = !sync_failed && (is_out_of_space(-why.value()) || why == asio::error::operation_aborted);
  if (!file_is_sound) {
    tenure_.poison_tail(why, sync_failed);
    co_return why;
  }
  const std::shared_ptr<append_file> file = at.file;
  auto cut = [this, file, end = at.end]() -> std::int64_t { return disk_->truncate(file->fd.get(), end); };
  const std::int64_t result = co_await state_->helpers.run(port_, std::move(cut));
  // Where even that fails the bytes are waste that no location names; the next tenure goes on behind them.
  state_->notify(event::kind::write_failed,
                 files::file_name(file->number).text() + (result < 0 ? " could not be" : " was") + " cut back after a failed write",
                 file->number, at.end, why);
  co_return why;
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
