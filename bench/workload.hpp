// What all samples are made of: when to stop, where to read, memory to read into, coroutines run to
// their end, and two threads side by side.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "settings.hpp"

namespace conduit::bench {

// Processor time of this process, its kernel threads for io_uring included.
inline double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// What one measurement found.
struct sample {
  double rate = 0;       // operations a second
  double cpu_us_op = 0;  // processor time an operation, of user and kernel; 0 where it is not known
};

// Counts the operations of one thread until its time is over. The clock is looked at now and then
// only, as it costs as much as a tenth of a small read.
class stint {
 public:
  using clock = std::chrono::steady_clock;

  explicit stint(double seconds, std::uint64_t count_max = ~0ULL, unsigned look_every = 64)
      : count_max_(count_max), look_every_(look_every), begin_(clock::now()) {
    end_ = begin_ +
           std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds));
  }

  // One more operation has ended: true if another may begin.
  bool next() {
    if (++count_ >= count_max_ || (count_ % look_every_ == 0 && clock::now() >= end_)) over_ = true;
    return !over_;
  }

  std::uint64_t count() const { return count_; }
  sample result() const { return result_for(static_cast<double>(count_)); }
  // Of so many operations that were counted elsewhere.
  sample result_for(double count) const {
    const double wall = std::chrono::duration<double>(clock::now() - begin_).count();
    return {count / wall, (cpu_seconds() - cpu_begin_) * 1e6 / count};
  }

 private:
  std::uint64_t count_ = 0;
  std::uint64_t count_max_;
  unsigned look_every_;
  bool over_ = false;
  double cpu_begin_ = cpu_seconds();
  clock::time_point begin_;
  clock::time_point end_;
};

// Random block offsets, drawn beforehand so that no side pays for the dice.
class access_pattern {
 public:
  access_pattern(std::uint64_t file_bytes, unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<std::uint64_t> any(0, file_bytes / block_bytes - 1);
    for (std::uint64_t& offset : offsets_) offset = any(random) * block_bytes;
  }
  std::uint64_t next() { return offsets_[index_++ % offsets_.size()]; }

 private:
  std::vector<std::uint64_t> offsets_ = std::vector<std::uint64_t>(1U << 16);
  std::size_t index_ = 0;
};

// Aligned as O_DIRECT wants it.
class block_memory {
 public:
  explicit block_memory(std::size_t blocks = 1)
      : bytes_(static_cast<char*>(
            ::operator new(blocks* block_bytes, std::align_val_t{block_bytes}))) {}

  char* at(std::size_t block) const { return bytes_.get() + block * block_bytes; }
  asio::mutable_buffer buffer() const { return {bytes_.get(), block_bytes}; }

 private:
  struct deleter {
    void operator()(char* bytes) const { ::operator delete(bytes, std::align_val_t{block_bytes}); }
  };
  std::unique_ptr<char, deleter> bytes_;
};

inline std::vector<char> random_bytes(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<char> bytes(size);
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// Runs what `start(index)` makes on the context until all have ended.
template <typename Start>
void run_coroutines(asio::io_context& context, unsigned count, Start start) {
  std::exception_ptr failure;
  for (unsigned i = 0; i < count; ++i) {
    asio::co_spawn(context, start(i), [&failure](const std::exception_ptr& thrown) {
      if (thrown) failure = thrown;
    });
  }
  context.restart();
  context.run();
  if (failure) std::rethrow_exception(failure);
}

template <typename Result>
Result run_one(asio::io_context& context, asio::awaitable<Result> work) {
  auto result = asio::co_spawn(context, std::move(work), asio::use_future);
  context.restart();
  context.run();
  return result.get();
}

// The sum of what two threads reach side by side. Each one's processor time is that of the process,
// divided by its own operations.
template <typename Run>
sample on_two_threads(Run run) {
  sample other;
  std::exception_ptr failure;
  std::thread second([&] {
    try {
      other = run(1U);
    } catch (...) {
      failure = std::current_exception();
    }
  });
  const sample mine = run(0U);
  second.join();
  if (failure) std::rethrow_exception(failure);
  return {mine.rate + other.rate, 1 / (1 / mine.cpu_us_op + 1 / other.cpu_us_op)};
}

}  // namespace conduit::bench
