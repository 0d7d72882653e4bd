// The thread of a store that compresses sealed files: in the background with `zstd_on_seal`, and at
// each request of `compress_file`. It takes one file after the other, and never needs a running
// io_context. It leaves long work to a thread of the lowest priority.
#pragma once

#include <atomic>
#include <chrono>
#include <conduit/detail/operations.hpp>
#include <conduit/reports.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "io/file_io.hpp"
#include "lock/store_lock.hpp"
#include "store/services.hpp"
#include "store/store_state.hpp"
#include "upkeep/low_priority_thread.hpp"

namespace conduit::detail {

class sealer final : public compress_service {
 public:
  // In a forked child it is never destroyed: the thread is the parent's.
  static std::shared_ptr<sealer> make(std::shared_ptr<store_state> state,
                                      std::unique_ptr<io::file_io> disk);

  // With `zstd_on_seal` the thread starts at once: an earlier process may have left work. If none
  // can be started, it starts when the next file is sealed.
  sealer(std::shared_ptr<store_state> state, std::unique_ptr<io::file_io> disk);
  // Waits for the frame that is being encoded, or the sync that is running; the unfinished file is
  // dropped.
  ~sealer() override;

  // Errors: `closed` after `close`, or no thread can be started.
  std::error_code submit(compress_op& request) noexcept override;
  void cancel(compress_op& request) override;
  bool revoke(compress_op& request) noexcept override;
  void abandon() override;
  void add_to(store_stats& sum) const noexcept override;

 private:
  std::error_code start() noexcept;
  void run();
  void serve(compress_op& request);
  std::chrono::milliseconds look();
  std::chrono::milliseconds compress_next();
  std::error_code compress(std::uint32_t number, const std::function<bool()>& go_on,
                           file_compression& result);
  std::chrono::milliseconds put_aside(std::uint32_t number, const std::error_code& error);

  const std::shared_ptr<store_state> state_;
  const std::unique_ptr<io::file_io> disk_;
  lock::store_lock lock_;
  low_priority_thread encoder_;
  // Files that failed in the background, and the time from which each may be retried.
  std::map<std::uint32_t, std::chrono::steady_clock::time_point> put_aside_;
  std::atomic<bool> stopping_{false};  // set once, by the destructor's thread
  // Written by the sealer's thread, read by any.
  std::atomic<std::uint64_t> files_compressed_{0};
  std::atomic<std::uint64_t> backlog_{0};
  std::mutex thread_mutex_;  // guards the thread's start
  std::thread thread_;
};

}  // namespace conduit::detail
