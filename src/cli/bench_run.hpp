// The measured part of `ffdb bench`: coroutines that work until the time is up, and their results.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <conduit/flat_file_db.hpp>
#include <cstdint>
#include <functional>

#include "cli/console.hpp"
#include "cli/event_loops.hpp"
#include "cli/histogram.hpp"

namespace conduit::cli {

struct bench_plan {
  std::uint64_t block_bytes = 4096;
  unsigned concurrency = 32;  // coroutines, over all threads
  double seconds = 5;
};

struct bench_result {
  histogram latency;
  double seconds = 0;
  double cpu_seconds = 0;  // of the whole process, including the store's own threads
};

// One coroutine's stopwatch. An operation begins where the one before ended: one clock reading for
// each.
class bench_lane {
 public:
  using clock = std::chrono::steady_clock;

  bench_lane(const event_loops& loops, histogram& latency, clock::time_point start,
             clock::time_point deadline, progress* shown)
      : loops_(&loops), latency_(&latency), start_(start), deadline_(deadline), shown_(shown) {}

  // Excludes the time since the last operation from the next one.
  void begin() noexcept { last_ = clock::now(); }
  // Counts an operation that ends now. False: stop.
  bool lap() {
    const clock::time_point now = clock::now();
    latency_->add(static_cast<std::uint64_t>(std::chrono::nanoseconds(now - last_).count()));
    last_ = now;
    if (shown_ != nullptr)
      shown_->reach(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(now - start_).count()));
    return now < deadline_ && !loops_->stopping();
  }

 private:
  const event_loops* loops_;
  histogram* latency_;  // of this loop
  clock::time_point last_;
  clock::time_point start_;
  clock::time_point deadline_;
  progress* shown_;  // set in one lane only
};

// Runs `plan.concurrency` workers, worker `index` on loop `index % loops.size()`.
using bench_worker = std::function<asio::awaitable<void>(unsigned index, bench_lane lane)>;
bench_result measure(event_loops& loops, const bench_plan& plan, const bench_worker& worker);

// Reads blocks of sealed files at random, each aligned to its size. Throws `failure` if no sealed
// file holds one.
bench_result bench_reads(event_loops& loops, const flat_file_db& db, const bench_plan& plan);

// Puts random bytes, and reads back blobs of this run with the probability `read_share`.
bench_result bench_writes(event_loops& loops, const flat_file_db& db, const bench_plan& plan,
                          double read_share);

}  // namespace conduit::cli
