// Durable puts that begin when they are due, whether or not earlier ones have ended: their latency
// from the intended start, against one fdatasync. A closed loop would hide what waits behind a slow
// sync.
#include <asio/steady_timer.hpp>

#include <sys/uio.h>

#include <algorithm>
#include <climits>
#include <thread>

#include "comparison.hpp"
#include "filled_store.hpp"
#include "put_load.hpp"

namespace conduit::bench {
namespace {

using clock = stint::clock;

constexpr unsigned closed_putters = 32;
constexpr double share_of_peak = 0.7;
// The store pauses for this long, as in a program that has run for a while: a new store that never
// paused rests from time to time, for originals that may poll for its lock.
constexpr double pause_seconds = 0.4;

double quantile(std::vector<double> values, double part) {
  require(!values.empty(), "no latency");
  const auto at = static_cast<std::ptrdiff_t>(static_cast<double>(values.size() - 1) * part);
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

class open_loop {
 public:
  open_loop(flat_file_db db, asio::io_context& context, double rate, double seconds)
      : db_(std::move(db)),
        timer_(context),
        interval_(
            std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(1 / rate))),
        end_(begin_ +
             std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds))) {}

  // Microseconds from the intended start of each put to its end.
  std::vector<double> run(asio::io_context& context) {
    start_due();
    context.restart();
    context.run();
    if (failure_) throw std::system_error(failure_);
    return std::move(latencies_us_);
  }

 private:
  void start_due() {
    const auto now = clock::now();
    for (; due_ <= now && due_ < end_; due_ += interval_) {
      db_.put(asio::buffer(source_.next(), block_bytes),
              [this, due = due_](std::error_code error, const data_location&) {
                if (error) failure_ = error;
                latencies_us_.push_back(
                    std::chrono::duration<double, std::micro>(clock::now() - due).count());
              });
    }
    if (due_ >= end_ || failure_) return;
    timer_.expires_at(due_);
    timer_.async_wait([this](std::error_code) { start_due(); });
  }

  flat_file_db db_;
  asio::steady_timer timer_;
  blob_source source_;
  const clock::duration interval_;
  const clock::time_point begin_ = clock::now();
  const clock::time_point end_;
  clock::time_point due_ = begin_;
  std::vector<double> latencies_us_;
  std::error_code failure_;
};

// What one would write by hand: a thread that writes and syncs all that is due, again and again. It
// keeps the lock of nobody, and calls no handlers. Shows what the disk allows.
std::vector<double> by_hand(const scratch_directory& scratch, double rate, double seconds) {
  const file_descriptor file(scratch / "by_hand", O_RDWR | O_CREAT | O_TRUNC);
  const auto spread = [](double time) {
    return std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(time));
  };
  const clock::duration interval = spread(1 / rate);
  blob_source source;
  std::vector<double> latencies_us;
  off_t end = 0;
  clock::time_point due = clock::now();
  const clock::time_point last = due + spread(seconds);
  while (due < last) {
    std::this_thread::sleep_until(due);
    std::vector<clock::time_point> batch;
    std::vector<iovec> parts;
    for (const auto now = clock::now(); due <= now && batch.size() < IOV_MAX; due += interval) {
      batch.push_back(due);
      parts.push_back({const_cast<char*>(source.next()), block_bytes});
    }
    const ssize_t count = ::pwritev(file.get(), parts.data(), static_cast<int>(parts.size()), end);
    require(count == static_cast<ssize_t>(parts.size() * block_bytes), "pwritev");
    end += count;
    require(::fdatasync(file.get()) == 0, "fdatasync");
    const auto now = clock::now();
    for (const auto& begun : batch)
      latencies_us.push_back(std::chrono::duration<double, std::micro>(now - begun).count());
  }
  return latencies_us;
}

// The median of one write of 4 KiB and its sync, in microseconds: of the sync alone.
double sync_us(const scratch_directory& scratch, double seconds) {
  const std::filesystem::path path = scratch / "syncs";
  const file_descriptor file(path, O_RDWR | O_CREAT | O_TRUNC);
  blob_source source;
  std::vector<double> times;
  off_t end = 0;
  stint time(seconds, ~0ULL, 1);
  do {
    const ssize_t count = ::pwrite(file.get(), source.next(), block_bytes, end);
    require(count == static_cast<ssize_t>(block_bytes), "pwrite");
    end += count;
    const auto begin = clock::now();
    require(::fdatasync(file.get()) == 0, "fdatasync");
    times.push_back(std::chrono::duration<double, std::micro>(clock::now() - begin).count());
  } while (time.next());
  return median(times);
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  // A tail wants many puts.
  const double seconds = wanted.seconds * 3;
  open_store store(wanted, scratch / "durable", durability::fdatasync);
  blob_source source;
  print_header();
  paired times_us;
  paired times_by_hand_us;
  std::vector<double> rates;
  for (unsigned pair = 0; pair <= wanted.pairs; ++pair) {
    const sample peak = store.more_puts(source, {closed_putters, true, wanted.seconds});
    const double rate = share_of_peak * peak.rate;
    const double sync = sync_us(scratch, std::max(wanted.seconds, pause_seconds));
    open_loop puts(store.db(), store.context(), rate, seconds);
    const double p99 = quantile(puts.run(store.context()), 0.99);
    store.remove_what_was_put();
    const double p99_by_hand = quantile(by_hand(scratch, rate, seconds), 0.99);
    if (pair == 0) continue;
    rates.push_back(rate);
    times_us.ours.push_back(p99);
    times_us.yardstick.push_back(sync);
    times_by_hand_us.ours.push_back(p99_by_hand);
    times_by_hand_us.yardstick.push_back(sync);
  }
  const std::string what = "open loop, " + std::to_string(static_cast<int>(median(rates))) +
                           " durable puts/s: p99 / median fdatasync";
  print_comparison(wanted, 24, what, {3, measure::time}, times_us, {});
  print_comparison(wanted, 24, "the same by hand, without a store", {3, measure::time},
                   times_by_hand_us, {});
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {24}, conduit::bench::run);
}
