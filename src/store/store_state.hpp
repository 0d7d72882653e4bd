// The state that all parts of one open store share: its options, its directory, whether it is still
// open, its helper threads and counters.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <conduit/error.hpp>
#include <conduit/options.hpp>
#include <conduit/reports.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/fork_guard.hpp"
#include "base/unique_fd.hpp"
#include "codec/codec_pool.hpp"
#include "files/file_frames.hpp"
#include "io/file_io.hpp"
#include "io/helper_threads.hpp"
#include "lock/store_place.hpp"
#include "store/compression_log.hpp"
#include "store/decode_queue.hpp"
#include "store/frame_cache.hpp"
#include "store/read_waits.hpp"
#include "store/seal_queue.hpp"
#include "store/unsynced_files.hpp"

namespace conduit::detail {

class binding;

// Replacements for parts of the machine, for tests.
struct environment {
  // Wraps the disk of a context; the default returns it unchanged.
  std::function<std::unique_ptr<io::file_io>(std::unique_ptr<io::file_io>)> wrap_disk;
  // Identifies the boot; the default reads it from the kernel.
  std::function<lock::boot_id()> boot;
  // The clock that measures how long a job of many steps has held the lock; the default is the
  // steady clock.
  std::function<std::chrono::steady_clock::time_point()> now;
};

class store_state : public std::enable_shared_from_this<store_state> {
 public:
  store_state(const options& wanted, environment surroundings);
  store_state(const store_state&) = delete;
  store_state& operator=(const store_state&) = delete;
  ~store_state();

  const options how;
  const environment around;
  const std::string directory_path;
  const std::string lock_path;
  unique_fd directory;
  io::helper_threads helpers;
  codec::codec_pool codecs;
  decode_queue decodes{codecs};
  frame_cache decoded_frames;
  const std::shared_ptr<read_waits> waits = std::make_shared<read_waits>();
  // The thread for the reads in `waits` that wait for the lock.
  const std::shared_ptr<lock::lock_thread> lock_waits =
      std::make_shared<lock::lock_thread>(waits, directory_path);

  // In a forked child a store is never destroyed: its threads are the parent's, and their waits
  // would never end.
  static std::shared_ptr<store_state> make(const options& wanted, environment surroundings);

  // The place of the store, for its locks.
  lock::store_place place() const;

  // An error if the store no longer accepts work.
  std::error_code admit() const noexcept {
    if (fork_generation() != opened_in_) return errc::forked;
    if (closed_.load(std::memory_order_acquire)) return errc::closed;
    return {};
  }
  bool forked() const noexcept { return fork_generation() != opened_in_; }
  void close() noexcept { closed_.store(true, std::memory_order_release); }

  // Something of this store has waited for the lock for a second.
  void notify_of_lock_wait() const;
  void notify(event::kind what, std::string message, std::uint32_t file = 0,
              std::uint64_t offset = 0, std::error_code error = {}) const;

  // Files with a lower number are known to be sealed. Written by the writer, and once by the
  // opening.
  std::atomic<std::uint32_t> sealed_below{0};
  void sealed_up_to(std::uint32_t number) noexcept {
    if (sealed_below.exchange(number, std::memory_order_relaxed) == number) return;
    seals.file_sealed();
    if (when_sealed) when_sealed();
  }
  // Starts the sealer's thread if it is not running yet. Must not throw; set before there is
  // anything to seal.
  std::function<void()> when_sealed;
  // Files that the writer wrote and did not sync.
  const std::shared_ptr<unsynced_files> unsynced = std::make_shared<unsynced_files>();
  seal_queue seals;
  compression_log compressed;
  // The form of the highest file when the store was opened; `compression::follow` uses it until the
  // lock is first held.
  file_form form_at_open = file_form::plain;

  // Shares the writer's knowledge of the frames of its compressed file with every read of the same
  // file. Only while `file` is open: a later file may get the same inode number.
  void publish_tail(const std::shared_ptr<append_file>& file, const io::file_status& identity,
                    std::shared_ptr<file_frames> frames);
  // Null if the tail is another file. The caller has the file of `identity` open.
  std::shared_ptr<file_frames> frames_of_tail(const io::file_status& identity) const;

  // No read of this store finds the open file any more. Each context has it open until
  // `drop_deleted_files`.
  void forget_file(std::uint32_t number);
  // Closes what was forgotten, or what any process has deleted, so that the space is free. May wait
  // for a read that a ring is just copying: not for a loop, and not under the inter-process lock.
  void drop_deleted_files() noexcept;
  void add(binding& context);
  // The counts of the context are kept.
  void remove(binding& context) noexcept;
  // The first open data file starts the watch for deleted ones.
  void watch_for_deleted_files();
  void count_reads(store_stats& into) const;

 private:
  void look_for_deleted_files();
  // Under `mutex_`; the caller drops them without it.
  std::vector<std::shared_ptr<data_file>> take_deleted_files() noexcept;

  std::atomic<bool> closed_{false};  // any thread closes, once
  const std::uint64_t opened_in_ = fork_generation();

  mutable std::mutex mutex_;        // guards all below except the thread
  std::vector<binding*> contexts_;  // each is removed before it dies
  std::weak_ptr<append_file> tail_file_;
  io::file_status tail_identity_;
  std::shared_ptr<file_frames> tail_frames_;
  store_stats gone_contexts_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread janitor_;
};

}  // namespace conduit::detail
