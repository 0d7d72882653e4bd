#include "get/many_reads.hpp"

#include <conduit/detail/inline_get.hpp>
#include <conduit/error.hpp>

#include <algorithm>
#include <asio/error.hpp>
#include <cstring>
#include <new>
#include <tuple>
#include <utility>

#include "get/check_blob.hpp"
#include "get/inline_limits.hpp"
#include "get/slice_range.hpp"

namespace conduit::detail {

namespace {

// A run is no longer than what is read on the loop's thread at once.
constexpr std::uint64_t run_bytes_max = inline_bytes_max;
constexpr std::size_t runs_at_once = 32;
// What a call copies on the calling thread; the engine's turns do the rest.
constexpr std::uint64_t at_once_bytes_max = 1U << 20;

file_range range_wanted(const read_request& request) noexcept {
  return range_of(request.location, request.part);
}

}  // namespace

void many_op::begin() {
  const auto planned = std::make_shared<many_reads>(*this);
  planned->plan();
  reads = planned;
  planned->begin();  // the operation may end before this returns
}

void many_op::give_up() noexcept {
  if (reads) reads->cancel();
}

// ---- which runs

void many_reads::plan() {
  op_.found.resize(op_.requests.size());
  order_.reserve(op_.requests.size());
  for (std::size_t i = 0; i < op_.requests.size(); ++i) {
    if (range_wanted(op_.requests[i]).valid) {
      order_.push_back(i);
    } else {
      op_.found[i].error = errc::out_of_range;
    }
  }
  const auto place_of = [&](std::size_t index) {
    const read_request& request = op_.requests[index];
    return std::tuple(request.location.file_number, range_wanted(request).start);
  };
  std::sort(order_.begin(), order_.end(),
            [&](std::size_t left, std::size_t right) { return place_of(left) < place_of(right); });
  // A run that fails is replaced by its requests, without a need for memory.
  runs_.reserve(2 * order_.size());
  for (std::size_t i = 0; i < order_.size(); ++i) add(i);
}

// Adds `order_[index]` to the last run if it lies near.
void many_reads::add(std::size_t index) {
  const read_request& request = op_.requests[order_[index]];
  const file_range range = range_wanted(request);
  const std::uint64_t end = range.start + range.length;
  if (!runs_.empty() && lies_near(runs_.back(), request)) {
    run& last = runs_.back();
    last.last = index + 1;
    last.end = std::max(last.end, end);
    last.wanted += range.length;
    return;
  }
  const std::uint32_t number = request.location.file_number;
  if (runs_.empty() || op_.requests[order_[runs_.back().first]].location.file_number != number) {
    const auto file = where_->files.find(number);
    frames_ = file ? file->frames() : nullptr;
  }
  runs_.push_back({index, index + 1, range.start, end, range.length});
}

bool many_reads::lies_near(const run& before, const read_request& request) {
  const file_range range = range_wanted(request);
  const read_request& first = op_.requests[order_[before.first]];
  if (first.location.file_number != request.location.file_number) return false;
  // An empty slice is looked up, not read.
  if (range.length == 0 || before.start == before.end) return false;
  const std::uint64_t end = std::max(before.end, range.start + range.length);
  if (end - before.start > run_bytes_max || before.wanted + range.length > run_bytes_max)
    return false;
  return range.start <= before.end || range.start - before.end <= op_.options.bridged_gap_bytes ||
         shares_frame(before, range);
}

// Then both would decode that frame.
bool many_reads::shares_frame(const run& before, const file_range& range) {
  found_frames_.clear();
  return frames_ && frames_->find(range.start, range.start + 1, found_frames_) &&
         found_frames_.front().plain_start < before.end;
}

// ---- one run after the other

void many_reads::begin() {
  held hold(mutex_);
  go_on(hold, true);
}

// One thread at a time begins runs; their ends on other threads, or within this loop, only make it
// look again.
void many_reads::go_on(held& hold, bool in_initiation) {
  again_ = true;
  if (looping_) return;
  looping_ = true;
  at_once_bytes_ = 0;
  while (std::exchange(again_, false)) {
    while (next_ < runs_.size() && running_ < runs_at_once && !dropped_) {
      const run wanted = runs_[next_++];
      if (!cancelled_) read(hold, wanted);
    }
  }
  looping_ = false;
  if (running_ != 0 || (next_ < runs_.size() && !dropped_)) return;
  const bool dropped = dropped_;
  if (cancelled_) op_.error = asio::error::operation_aborted;
  hold.unlock();
  if (dropped) return op_.end(finish::destroy);
  in_initiation ? where_->disk->complete_later(op_) : op_.end(finish::dispatch);
}

// Releases the lock for a while.
void many_reads::read(held& hold, const run& wanted) {
  ++running_;
  inner_get* get = nullptr;
  hold.unlock();
  try {
    if (!read_at_once(wanted)) get = make_get(wanted);
  } catch (const std::bad_alloc&) {
    fail(wanted, std::make_error_code(std::errc::not_enough_memory));
  }
  if (get != nullptr) get->start();
  hold.lock();
  if (get == nullptr) --running_;
}

// The bytes are in the page cache, or the frame cache.
bool many_reads::read_at_once(const run& wanted) {
  if (at_once_bytes_ >= at_once_bytes_max || !may_read_inline(*where_)) return false;
  at_once_bytes_ += wanted.end - wanted.start;
  const read_request& request = op_.requests[order_[wanted.first]];
  std::error_code error;
  if (wanted.single()) {
    read_result& result = op_.found[order_[wanted.first]];
    if (!try_get(*where_, request.location, request.part, result.data, error)) return false;
    if (error) fail(wanted, error);
    return true;
  }
  data_location all;
  all.file_number = request.location.file_number;
  all.start = wanted.start;
  all.end = wanted.end;
  blob bytes(wanted.end - wanted.start);
  std::size_t length = 0;
  const asio::mutable_buffer to(bytes.data(), bytes.size());
  if (!try_get_into(*where_, all, {}, to, length, error)) return false;
  error ? fail(wanted, error) : cut(wanted, std::move(bytes));
  return true;
}

many_reads::inner_get* many_reads::make_get(const run& wanted) {
  const held hold(mutex_);
  if (free_.empty()) {
    free_.reserve(gets_.size() + 1);
    gets_.push_back(std::make_unique<std::optional<inner_get>>());
    free_.push_back(gets_.size() - 1);
  }
  const std::size_t place = free_.back();
  free_.pop_back();
  inner_get& get = gets_[place]->emplace(shared_from_this(), place, wanted);
  const read_request& request = op_.requests[order_[wanted.first]];
  get.location = request.location;
  get.part = request.part;
  if (!wanted.single()) {
    get.location.checksum = 0;
    get.location.start = wanted.start;
    get.location.end = wanted.end;
    get.part = {};
  }
  get.owner = where_;
  return &get;
}

void many_reads::ended(inner_get& get, finish how) {
  const std::shared_ptr<many_reads> keep = get.take_reads();
  const run wanted = get.wanted();
  const std::error_code error = get.error;
  blob bytes = std::move(get.bytes);
  const std::size_t place_in_gets = get.place();
  held hold(mutex_);
  gets_[place_in_gets]->reset();
  free_.push_back(place_in_gets);
  const bool again = error && !wanted.single() && !cancelled_;
  if (again) {
    // One of the requests is at fault: each gets an answer of its own.
    for (std::size_t i = wanted.first; i < wanted.last; ++i) {
      const file_range range = range_wanted(op_.requests[order_[i]]);
      runs_.push_back({i, i + 1, range.start, range.start + range.length, range.length});
    }
  }
  dropped_ = dropped_ || how == finish::destroy;
  const bool dropped = dropped_;
  hold.unlock();
  if (!dropped && !again) {
    if (error) {
      fail(wanted, error);
    } else if (wanted.single()) {
      op_.found[order_[wanted.first]].data = std::move(bytes);
    } else {
      cut(wanted, std::move(bytes));
    }
  }
  hold.lock();
  --running_;
  go_on(hold, false);
}

void many_reads::cancel() noexcept {
  const std::lock_guard hold(mutex_);
  cancelled_ = true;
  for (const auto& get : gets_) {
    if (*get) (*get)->cancel();
  }
}

// ---- results

void many_reads::cut(const run& wanted, blob bytes) {
  for (std::size_t i = wanted.first; i < wanted.last; ++i) {
    const read_request& request = op_.requests[order_[i]];
    read_result& result = op_.found[order_[i]];
    const file_range range = range_wanted(request);
    try {
      result.data = blob(range.length);
    } catch (const std::bad_alloc&) {
      result.error = std::make_error_code(std::errc::not_enough_memory);
      continue;
    }
    std::memcpy(result.data.data(), bytes.data() + (range.start - wanted.start), range.length);
    result.error = check_blob(where_->state->how, request.location, range, result.data.bytes());
    if (result.error) result.data = blob();
  }
}

void many_reads::fail(const run& wanted, std::error_code error) {
  for (std::size_t i = wanted.first; i < wanted.last; ++i) {
    read_result& result = op_.found[order_[i]];
    result.error = error;
    result.data = blob();
  }
}

}  // namespace conduit::detail
