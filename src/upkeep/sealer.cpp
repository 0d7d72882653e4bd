#include "upkeep/sealer.hpp"

#include <asio/error.hpp>
#include <conduit/error.hpp>

#include <algorithm>
#include <chrono>
#include <new>
#include <vector>

#include "base/os_error.hpp"
#include "base/start_thread.hpp"
#include "files/directory.hpp"
#include "store/binding.hpp"
#include "upkeep/compress_file.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;

using clock = std::chrono::steady_clock;

// The delays before the next look: another process was compressing a file, a file failed for a
// reason that may pass, or there is nothing to do.
constexpr std::chrono::milliseconds busy_patience = 1s;
constexpr std::chrono::milliseconds failure_patience = 1min;
constexpr std::chrono::milliseconds nothing_to_expect = 1h;
// The interval and the limit of retries for a caller's file that another process is compressing.
constexpr auto busy_interval = 10ms;
constexpr auto busy_max = 1min;

// Errors that do not pass by themselves; everything else is retried: a full disk, a lack of memory
// or descriptors, a lock that cannot be taken.
bool is_lasting(const std::error_code& error) {
  return error == errc::corrupt || error == errc::not_a_regular_file || error == errc::poisoned ||
         error == std::errc::io_error || error == std::errc::permission_denied ||
         error == std::errc::operation_not_permitted || error == std::errc::read_only_file_system ||
         error == std::errc::cross_device_link;
}

// Only the writer creates the lock file.
lock::store_place place_of(const store_state& state) {
  lock::store_place place = state.place();
  place.lock_permissions = 0;
  return place;
}

}  // namespace

std::shared_ptr<sealer> sealer::make(std::shared_ptr<store_state> state,
                                     std::unique_ptr<io::file_io> disk) {
  const std::shared_ptr<sealer> made(new sealer(std::move(state), std::move(disk)),
                                     [](sealer* self) {
                                       if (self->state_->admit() != errc::forked) delete self;
                                     });
  if (made->state_->how.compression == compression::zstd_on_seal) {
    made->state_->when_sealed = [known = std::weak_ptr(made)] {
      if (const auto self = known.lock()) static_cast<void>(self->start());
    };
  }
  return made;
}

sealer::sealer(std::shared_ptr<store_state> state, std::unique_ptr<io::file_io> disk)
    : state_(std::move(state)), disk_(std::move(disk)), lock_(*disk_, place_of(*state_)) {
  if (state_->how.compression != compression::zstd_on_seal) return;
  // Must precede the writer's watch for visitors: this opening is no visit. If it fails, it is
  // retried with the first file.
  static_cast<void>(lock_.open());
  state_->seals.file_sealed();
  static_cast<void>(start());
}

sealer::~sealer() {
  stopping_ = true;
  state_->seals.stop();
  if (thread_.joinable()) thread_.join();
}

std::error_code sealer::start() noexcept {
  const std::lock_guard hold(thread_mutex_);
  return thread_.joinable() ? std::error_code{} : start_thread(thread_, [this] { run(); });
}

std::error_code sealer::submit(compress_op& request) noexcept {
  const std::error_code refused = start();
  if (refused) return refused;
  io::completion_port& port = request.owner->port;
  port.send_away(request);
  if (state_->seals.push(request)) return {};
  port.take_back(request);
  return errc::closed;
}

void sealer::cancel(compress_op& request) {
  request.abandoned = true;
  if (!state_->seals.withdraw(request)) return;
  request.error = asio::error::operation_aborted;
  request.owner->port.deliver(request);
}

bool sealer::revoke(compress_op& request) noexcept {
  request.abandoned = true;
  return state_->seals.withdraw(request);
}

void sealer::abandon() {
  work_queue withdrawn = state_->seals.withdraw_all();
  while (!withdrawn.empty()) {
    auto& request = static_cast<compress_op&>(withdrawn.pop_front());
    request.error = asio::error::operation_aborted;
    request.owner->port.deliver(request);
  }
}

void sealer::add_to(store_stats& sum) const noexcept {
  sum.files_compressed += files_compressed_.load(std::memory_order_relaxed);
  sum.compression_backlog += backlog_.load(std::memory_order_relaxed);
}

void sealer::run() {
  std::chrono::milliseconds patience = nothing_to_expect;
  for (;;) {
    compress_op* request = nullptr;
    switch (state_->seals.next(request, patience)) {
      case seal_queue::task::end:
        return;
      case seal_queue::task::request:
        serve(*request);
        break;
      case seal_queue::task::look:
        patience = look();
        break;
    }
  }
}

void sealer::serve(compress_op& request) {
  const auto go_on = [&request] { return !request.abandoned.load(std::memory_order_relaxed); };
  const auto begun = clock::now();
  for (;;) {
    request.error = compress(request.number, go_on, request.result);
    const bool busy = request.error == std::errc::device_or_resource_busy;
    if (busy && !go_on()) request.error = asio::error::operation_aborted;
    if (!busy || !go_on() || clock::now() - begun >= busy_max) break;
    std::this_thread::sleep_for(busy_interval);
  }
  put_aside_.erase(request.number);
  // From here on the request may be gone, and the store with it, except this object, whose
  // destructor waits for this thread.
  request.owner->port.deliver(request);
}

std::chrono::milliseconds sealer::look() {
  try {
    return compress_next();
  } catch (const std::bad_alloc&) {
    return failure_patience;
  }
}

// Compresses the lowest file that waits for it. Returns the time after which there may be more to
// do, unless a report comes earlier.
std::chrono::milliseconds sealer::compress_next() {
  const auto go_on = [this] {
    return !stopping_.load(std::memory_order_relaxed) && !state_->admit();
  };
  files::listing found;
  if (state_->how.compression != compression::zstd_on_seal || !go_on()) return nothing_to_expect;
  if (files::list_files(*disk_, state_->directory.get(), found) < 0) return busy_patience;
  const std::uint32_t highest = found.highest_number().value_or(0);
  std::vector<std::uint32_t> waiting;
  for (const files::file_id& file : found.files) {
    if (file.form == file_form::plain && file.number < highest) waiting.push_back(file.number);
  }
  backlog_ = waiting.size();
  std::chrono::milliseconds patience = nothing_to_expect;
  for (const std::uint32_t number : waiting) {
    const auto aside = put_aside_.find(number);
    if (aside != put_aside_.end() && clock::now() < aside->second) {
      const auto left = aside->second - clock::now();
      if (left < patience)
        patience = std::chrono::duration_cast<std::chrono::milliseconds>(left) + 1ms;
      continue;
    }
    file_compression result;
    const std::error_code error = compress(number, go_on, result);
    if (!go_on()) return nothing_to_expect;
    if (!error) {
      // Requests that arrived meanwhile come first; and there may be one more file.
      put_aside_.erase(number);
      --backlog_;
      state_->seals.file_sealed();
      return nothing_to_expect;
    }
    patience = std::min(patience, put_aside(number, error));
  }
  return patience;
}

// Returns the time until the next try. A failure that does not pass by itself is left to explicit
// requests, and another process's work to that process.
std::chrono::milliseconds sealer::put_aside(std::uint32_t number, const std::error_code& error) {
  if (error == errc::no_such_file || error == errc::mutable_file) return nothing_to_expect;
  if (error == std::errc::device_or_resource_busy) return busy_patience;
  const bool passes = !is_lasting(error);
  const bool is_new = put_aside_
                          .insert_or_assign(number, passes ? clock::now() + failure_patience
                                                           : clock::time_point::max())
                          .second;
  if (is_new) {
    state_->notify(event::kind::file_not_compressed,
                   files::file_name(number).text() + " was not compressed: " + error.message(),
                   number, 0, error);
  }
  return passes ? failure_patience : nothing_to_expect;
}

std::error_code sealer::compress(std::uint32_t number, const std::function<bool()>& go_on,
                                 file_compression& result) try {
  result = {};
  result.number = number;
  result.level = state_->how.level;
  result.frame_bytes = state_->how.frame_bytes;
  const std::error_code error = compress_file(*state_, *disk_, lock_, encoder_, go_on, result);
  if (error || result.frame_bytes == 0) return error;  // another process did it
  files_compressed_.fetch_add(1, std::memory_order_relaxed);
  state_->notify(event::kind::file_compressed,
                 files::file_name(number).text() +
                     " was compressed: " + std::to_string(result.plain_bytes) + " bytes to " +
                     std::to_string(result.stored_bytes),
                 number);
  return error;
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

}  // namespace conduit::detail
