// One store's side of one io_context: its access to the disk, its open files, and the port through
// which other threads deliver results.
#pragma once

#include <asio/io_context.hpp>
#include <atomic>
#include <conduit/reports.hpp>
#include <memory>
#include <string>

#include "base/counter.hpp"
#include "files/open_files.hpp"
#include "io/completion_port.hpp"
#include "io/file_io.hpp"
#include "lock/lent_locks.hpp"
#include "store/services.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

// Threads that read count; any thread may ask for the counts.
struct read_counters {
  counter inline_reads;
  counter async_reads;
  counter bytes;
  counter cache_hits;
  counter cache_misses;
  counter frames_decoded;
  counter decode_ns;

  void add_to(store_stats& sum) const noexcept {
    sum.inline_reads += inline_reads.value();
    sum.async_reads += async_reads.value();
    sum.get_bytes += bytes.value();
    sum.cache_hits += cache_hits.value();
    sum.cache_misses += cache_misses.value();
    sum.frames_decoded += frames_decoded.value();
    sum.decode_us += decode_ns.value() / 1000;
  }
};

// Decides when an inline attempt is worth its system call, and when others must get a turn.
// Approximate on purpose: an update lost under contention costs one probe.
class inline_policy {
 public:
  bool may_try() noexcept {
    const unsigned rest = skip_.load(std::memory_order_relaxed);
    if (rest != 0) {
      skip_.store(rest - 1, std::memory_order_relaxed);
      return false;
    }
    return true;
  }
  // True once in `streak_max` hits: the caller then takes the asynchronous way, so that others run.
  bool must_yield() noexcept {
    const unsigned streak = streak_.load(std::memory_order_relaxed);
    streak_.store(streak + 1 == streak_max ? 0 : streak + 1, std::memory_order_relaxed);
    return streak + 1 == streak_max;
  }
  void hit() noexcept { misses_.store(0, std::memory_order_relaxed); }
  // Cold data: after each further miss twice as many reads go without a probe.
  void miss() noexcept {
    const unsigned misses = misses_.load(std::memory_order_relaxed);
    misses_.store(misses < misses_max ? misses + 1 : misses, std::memory_order_relaxed);
    skip_.store((1U << misses) - 1, std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned streak_max = 64;
  static constexpr unsigned misses_max = 8;
  std::atomic<unsigned> skip_{0};
  std::atomic<unsigned> misses_{0};
  std::atomic<unsigned> streak_{0};
};

class binding : public std::enable_shared_from_this<binding> {
 public:
  binding(std::shared_ptr<store_state> shared, asio::io_context& where,
          std::unique_ptr<io::file_io> way, backend chosen, std::string why)
      : state(std::move(shared)),
        context(where),
        port(io::completion_port::of(where)),
        disk(std::move(way)),
        files(*disk, state->directory.get(), state->how.open_files),
        locks(*disk, {state->lock_path, state->directory_path}),
        chosen_backend(chosen),
        backend_reason(std::move(why)) {
    state->add(*this);
  }
  binding(const binding&) = delete;
  binding& operator=(const binding&) = delete;
  ~binding() { state->remove(*this); }

  const std::shared_ptr<store_state> state;
  std::shared_ptr<put_service> home_writer;       // null in a read-only store
  std::shared_ptr<compress_service> home_sealer;  // the same
  asio::io_context& context;
  io::completion_port& port;
  const std::unique_ptr<io::file_io> disk;
  open_files files;
  lock::lent_locks locks;  // for checks of the mutable file
  read_counters reads;
  inline_policy inline_reads;
  const backend chosen_backend;
  const std::string backend_reason;
};

}  // namespace conduit::detail
