// Processes that put without pause, and how often each of them got to it: for the fairness of the
// lock between processes.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <conduit/flat_file_db.hpp>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/bytes.hpp"
#include "support/child_process.hpp"
#include "support/shared_memory.hpp"

namespace conduit::test {

struct putters_settings {
  options store;
  std::uint32_t processes = 1;
  std::uint32_t coroutines = 1;  // of each process
  std::size_t blob_bytes = 4096;
  std::uint32_t kept_files =
      4;  // older ones are deleted on the way, so that a fast run does not fill the disk
};

class putter_processes {
 public:
  // Starts them and waits until each has put something.
  explicit putter_processes(const putters_settings& how) : how_(how), counts_(how.processes) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw std::system_error(errno, std::system_category(), "pipe2");
    const unique_fd started(ends[0]);
    started_ = unique_fd(ends[1]);
    for (std::uint32_t i = 0; i < how.processes; ++i) {
      processes_.push_back(std::make_unique<child_process>([this, i] { return run(i); }));
    }
    started_.reset();
    for (std::uint32_t i = 0; i < how.processes; ++i) {
      char byte = 0;
      if (::read(started.get(), &byte, 1) != 1)
        throw std::runtime_error("a putter ended before its first put");
    }
  }

  // Puts acknowledged so far, one count a process.
  std::vector<std::uint64_t> counts() const {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < counts_.size(); ++i) all.push_back(counts_[i].puts);
    return all;
  }
  // Puts of each process within `time`.
  std::vector<std::uint64_t> count_for(std::chrono::milliseconds time) const {
    std::vector<std::uint64_t> result = counts();
    std::this_thread::sleep_for(time);
    const std::vector<std::uint64_t> after = counts();
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = after[i] - result[i];
    return result;
  }

  // Lets them end by themselves. True if all ended well.
  bool stop() {
    stop_->store(true);
    bool well = true;
    for (auto& process : processes_) well = process->wait() == 0 && well;
    return well;
  }

 private:
  // On a cache line of its own.
  struct alignas(64) count {
    std::atomic<std::uint64_t> puts;
  };

  int run(std::uint32_t index) {
    asio::io_context context;
    std::exception_ptr failure;
    const flat_file_db db = flat_file_db::open(context, how_.store);
    for (std::uint32_t i = 0; i < how_.coroutines; ++i) {
      asio::co_spawn(context, put_without_pause(db, index), [&](const std::exception_ptr& error) {
        if (error) failure = error;
      });
    }
    context.run();
    if (failure) std::rethrow_exception(failure);
    return 0;
  }

  asio::awaitable<void> put_without_pause(flat_file_db db, std::uint32_t index) {
    const std::string bytes = bytes_of(index, how_.blob_bytes);
    std::atomic<std::uint64_t>& puts = counts_[index].puts;
    while (!stop_->load(std::memory_order_relaxed)) {
      const data_location where = co_await db.put(asio::buffer(bytes));
      if (index == 0 && where.file_number > deleted_below_ + how_.kept_files) {
        deleted_below_ = where.file_number - how_.kept_files;
        co_await db.delete_before(deleted_below_);
      }
      if (puts.fetch_add(1, std::memory_order_relaxed) == 0) {
        const char byte = 's';
        static_cast<void>(!::write(started_.get(), &byte, 1));
      }
    }
  }

  putters_settings how_;
  shared_memory<count> counts_;
  shared_memory<std::atomic<bool>> stop_;
  unique_fd started_;
  std::uint32_t deleted_below_ = 0;  // in the first child
  std::vector<std::unique_ptr<child_process>> processes_;
};

}  // namespace conduit::test
