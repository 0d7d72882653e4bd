#include "put/put_queue.hpp"

#include <asio/error.hpp>
#include <utility>

namespace conduit::detail {

using phase = queued_op::phase;

namespace {
// The loop's thread goes through them one by one, under the mutex: more than that would keep timers
// waiting.
constexpr std::size_t parts_encoded_max = 16384;

// Behind `start`; where the next one begins.
std::uint64_t place_at(data_location& location, std::uint64_t start) noexcept {
  const std::uint64_t size = location.size();
  location.start = start;
  location.end = start + size;
  return location.end;
}
}  // namespace

// An operation larger than the bound is let in when nothing else is there.
bool put_queue::fits(std::uint64_t bytes) const noexcept {
  return waiting_.empty() && (bytes_ == 0 || bytes_ + bytes <= bytes_max_);
}

bool put_queue::has_room(std::uint64_t bytes) {
  const std::lock_guard hold(mutex_);
  return fits(bytes);
}

put_queue::accepted put_queue::push(queued_op& operation) {
  const std::lock_guard hold(mutex_);
  if (closed_) return accepted::no;
  closed_ = operation.what == queued_op::kind::close;
  const bool room = fits(operation.blob_bytes);
  if (!room && !operation.may_wait) return accepted::busy;
  if (room) {
    operation.state = phase::queued;
    bytes_ += operation.blob_bytes;
    queued_.push_back(operation);
  } else {
    operation.state = phase::waiting;
    waiting_.push_back(operation);
    waits_.fetch_add(1, std::memory_order_relaxed);
  }
  return std::exchange(writer_running_, true) ? accepted::yes : accepted::start_writer;
}

void put_queue::admit_waiting() noexcept {
  while (!waiting_.empty()) {
    auto& next = static_cast<queued_op&>(waiting_.front());
    if (bytes_ != 0 && bytes_ + next.blob_bytes > bytes_max_) return;
    work_queue::erase(next);
    next.state = phase::queued;
    bytes_ += next.blob_bytes;
    queued_.push_back(next);
  }
}

void put_queue::remove(queued_op& operation) noexcept {
  work_queue::erase(operation);
  if (operation.state != phase::waiting) bytes_ -= operation.blob_bytes;
  operation.state = phase::done;
  if (running_.empty()) encoding_ = false;
  admit_waiting();
}

bool put_queue::withdraw(queued_op& operation) noexcept {
  const std::lock_guard hold(mutex_);
  if (operation.state == phase::running && encoding_) {
    // Its bytes are waste then, which no location names.
    operation.cancel_wanted = true;
    if (memory_used_) return false;
    remove(operation);
    return true;
  }
  if (operation.state != phase::waiting && operation.state != phase::queued) return false;
  remove(operation);
  return true;
}

bool put_queue::revoke(queued_op& operation) noexcept {
  std::unique_lock hold(mutex_);
  while (operation.state == phase::running && memory_used_) {
    if (in_kernel_ != nullptr) {
      io_request& request = *in_kernel_;
      ++kernel_waiters_;
      hold.unlock();
      disk_.wait(request);
      hold.lock();
      --kernel_waiters_;
      memory_free_.notify_all();
      // The kernel has let go; only the writer may go on with the request, and it asks `use_memory`
      // first.
      if (in_kernel_ == &request) {
        in_kernel_ = nullptr;
        memory_used_ = false;
      }
    } else {
      memory_free_.wait(hold);  // for a system call of the writer's thread
    }
  }
  if (operation.state == phase::done || operation.state == phase::idle) return false;
  if (operation.state == phase::running) memory_revoked_ = true;
  remove(operation);
  return true;
}

bool put_queue::has_work_or_end() noexcept {
  const std::lock_guard hold(mutex_);
  if (queued_.empty() && running_.empty()) writer_running_ = false;
  return writer_running_;
}

bool put_queue::empty() noexcept {
  const std::lock_guard hold(mutex_);
  return queued_.empty() && !(encoding_ && !running_.empty());
}

bool put_queue::nothing_running() noexcept {
  const std::lock_guard hold(mutex_);
  return running_.empty();
}

bool put_queue::next_is(queued_op::kind what) noexcept {
  const std::lock_guard hold(mutex_);
  return !queued_.empty() && static_cast<queued_op&>(queued_.front()).what == what;
}

bool put_queue::take_close() noexcept {
  const std::lock_guard hold(mutex_);
  if (queued_.empty()) return false;
  auto& next = static_cast<queued_op&>(queued_.front());
  if (next.what != queued_op::kind::close) return false;
  begin(next);
  return true;
}

std::optional<put_queue::job> put_queue::take_job() noexcept {
  const std::lock_guard hold(mutex_);
  if (queued_.empty()) return std::nullopt;
  auto& next = static_cast<queued_op&>(queued_.front());
  if (next.what == queued_op::kind::append) return std::nullopt;
  begin(next);
  return job{next.what, next.number, next.count, {}};
}

void put_queue::begin(queued_op& next) noexcept {
  work_queue::erase(next);
  next.state = phase::running;
  running_.push_back(next);
}

bool put_queue::take_appends(const segment_limits& limits, io::iov_cursor& into) {
  const std::lock_guard hold(mutex_);
  memory_revoked_ = false;
  into.begin(limits.end);
  std::uint64_t end = limits.end;
  std::size_t parts = 0;
  while (!queued_.empty()) {
    auto& next = static_cast<queued_op&>(queued_.front());
    if (next.what != queued_op::kind::append) break;
    const bool first = running_.empty();
    // Each put is an append of its own: the file is full once it has reached its size, not before.
    if (!first &&
        (end >= limits.max_file_size || end - limits.end + next.blob_bytes > limits.bytes ||
         parts + next.parts.size() > io::iov_cursor::parts_max)) {
      break;
    }
    for (const asio::const_buffer& part : next.parts) into.add(part);
    for (data_location& location : next.locations) {
      location.file_number = limits.file;
      end = place_at(location, end);
    }
    parts += next.parts.size();
    begin(next);
  }
  memory_used_ = !running_.empty();
  return memory_used_;
}

bool put_queue::take_appends_to_encode(std::size_t bytes_max, plain_batch& into) {
  const std::lock_guard hold(mutex_);
  memory_revoked_ = false;
  std::uint64_t bytes = 0;
  while (!queued_.empty()) {
    auto& next = static_cast<queued_op&>(queued_.front());
    if (next.what != queued_op::kind::append) break;
    const std::size_t parts = into.parts.size() + next.parts.size() + next.locations.size();
    if (!running_.empty() && (bytes + next.blob_bytes > bytes_max || parts > parts_encoded_max))
      break;
    into.parts.insert(into.parts.end(), next.parts.begin(), next.parts.end());
    for (data_location& location : next.locations) {
      into.blob_bytes.push_back(location.size());
      bytes = place_at(location, bytes);
    }
    begin(next);
  }
  memory_used_ = encoding_ = !running_.empty();
  return memory_used_;
}

work_queue put_queue::take_cancelled() noexcept {
  const std::lock_guard hold(mutex_);
  work_queue cancelled;
  work_queue kept;
  while (!running_.empty()) {
    auto& operation = static_cast<queued_op&>(running_.pop_front());
    if (!operation.cancel_wanted) {
      kept.push_back(operation);
      continue;
    }
    bytes_ -= operation.blob_bytes;
    operation.state = phase::done;
    operation.error = asio::error::operation_aborted;
    cancelled.push_back(operation);
  }
  running_.splice(kept);
  if (running_.empty()) encoding_ = false;
  admit_waiting();
  return cancelled;
}

bool put_queue::place(std::uint32_t file, std::uint64_t plain_end) noexcept {
  const std::lock_guard hold(mutex_);
  encoding_ = false;
  encoded_ = true;
  for (completion* entry = running_.empty() ? nullptr : &running_.front(); entry != nullptr;
       entry = running_.after(*entry)) {
    for (data_location& location : static_cast<queued_op*>(entry)->locations) {
      location.file_number = file;
      location.start += plain_end;
      location.end += plain_end;
    }
  }
  return !running_.empty();
}

bool put_queue::use_memory(io_request& in_kernel) noexcept {
  const std::lock_guard hold(mutex_);
  if (encoded_) return true;
  if (memory_revoked_) return false;
  memory_used_ = true;
  in_kernel_ = &in_kernel;
  return true;
}

void put_queue::released() noexcept {
  std::unique_lock hold(mutex_);
  memory_used_ = false;
  in_kernel_ = nullptr;
  memory_free_.notify_all();
  // Somebody may still be looking at the request, which dies with the writer's next step. It is
  // done, so this does not take long.
  memory_free_.wait(hold, [this] { return kernel_waiters_ == 0; });
}

void put_queue::requeue() noexcept {
  const std::lock_guard hold(mutex_);
  put_back_running();
}

void put_queue::put_back_running() noexcept {
  encoding_ = encoded_ = false;
  for (completion* entry = running_.empty() ? nullptr : &running_.front(); entry != nullptr;
       entry = running_.after(*entry)) {
    static_cast<queued_op*>(entry)->state = phase::queued;
  }
  running_.splice(queued_);
  queued_.splice(running_);
}

bool put_queue::requeue_revoked() noexcept {
  const std::lock_guard hold(mutex_);
  if (!memory_revoked_) return false;
  put_back_running();
  return true;
}

void put_queue::finish(work_queue& from, work_queue& into, std::error_code error) noexcept {
  while (!from.empty()) {
    auto& operation = static_cast<queued_op&>(from.pop_front());
    if (operation.state != phase::waiting) bytes_ -= operation.blob_bytes;
    operation.state = phase::done;
    if (error) operation.error = error;
    into.push_back(operation);
  }
}

work_queue put_queue::finish_running(std::error_code error) noexcept {
  const std::lock_guard hold(mutex_);
  memory_used_ = encoding_ = encoded_ = false;
  memory_free_.notify_all();
  work_queue finished;
  finish(running_, finished, error);
  admit_waiting();
  return finished;
}

work_queue put_queue::finish_job(const job& done, std::error_code error) noexcept {
  const std::lock_guard hold(mutex_);
  if (!running_.empty()) {
    auto& operation = static_cast<queued_op&>(running_.front());
    operation.number = done.number;
    operation.count = done.count;
    operation.recovered = done.recovered;
  }
  work_queue finished;
  finish(running_, finished, error);
  return finished;
}

work_queue put_queue::fail_all(std::error_code error) noexcept {
  const std::lock_guard hold(mutex_);
  encoding_ = encoded_ = false;
  work_queue finished;
  finish(running_, finished, error);
  finish(queued_, finished, error);
  finish(waiting_, finished, error);
  writer_running_ = false;
  return finished;
}

work_queue put_queue::fail_appends(std::error_code error) noexcept {
  const std::lock_guard hold(mutex_);
  work_queue finished;
  fail_waiting(finished, error,
               [](const queued_op& one) { return one.what == queued_op::kind::append; });
  return finished;
}

work_queue put_queue::fail_all_that_need_the_lock(std::error_code error) noexcept {
  const std::lock_guard hold(mutex_);
  encoding_ = encoded_ = false;
  work_queue finished;
  finish(running_, finished, error);
  fail_waiting(finished, error,
               [](const queued_op& one) { return one.what != queued_op::kind::close; });
  return finished;
}

template <typename Condition>
void put_queue::fail_waiting(work_queue& into, std::error_code error, Condition fails) noexcept {
  work_queue failed;
  work_queue kept;
  for (work_queue* list : {&queued_, &waiting_}) {
    while (!list->empty()) {
      auto& operation = static_cast<queued_op&>(list->pop_front());
      if (fails(operation)) {
        failed.push_back(operation);
      } else {
        operation.state = phase::queued;
        kept.push_back(operation);
      }
    }
  }
  finish(failed, into, error);
  queued_.splice(kept);
}

work_queue put_queue::withdraw_all() noexcept {
  const std::lock_guard hold(mutex_);
  work_queue finished;
  if (encoding_) {
    for (completion* entry = running_.empty() ? nullptr : &running_.front(); entry != nullptr;
         entry = running_.after(*entry)) {
      static_cast<queued_op*>(entry)->cancel_wanted = true;
    }
    if (!memory_used_) finish(running_, finished, asio::error::operation_aborted);
    if (running_.empty()) encoding_ = false;
  }
  finish(queued_, finished, asio::error::operation_aborted);
  finish(waiting_, finished, asio::error::operation_aborted);
  return finished;
}

}  // namespace conduit::detail
