// One directory with a store in it, on a machine that can be restarted, and the processes that open
// it. Each process has a disk whose calls are written down and can be made to fail.
#pragma once

#include <chrono>
#include <condition_variable>
#include <conduit/event.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lock/lock_record.hpp"
#include "support/blocking_store.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

// What a store reported. Thread-safe.
class event_log {
 public:
  event_sink sink();
  std::size_t count(event::kind what) const;
  // Waits until so many of them have been reported; false where a working store would have long
  // done so.
  bool wait_for(event::kind what, std::size_t count) const;
  std::vector<event> all() const;

 private:
  struct content {
    std::size_t count(event::kind what) const;

    std::mutex mutex;
    std::condition_variable changed;
    std::vector<event> events;
  };
  std::shared_ptr<content> content_ = std::make_shared<content>();
};

class machine;

// A store opened as by a process of its own.
class process {
 public:
  process(const machine& where, options how);

  blocking_store& operator*() noexcept { return store_; }
  blocking_store* operator->() noexcept { return &store_; }

  const std::shared_ptr<disk_script> script = std::make_shared<disk_script>();
  event_log events;

  // The calls of one kind so far, of files whose name ends in `suffix`.
  std::vector<seen_call> calls(io_call kind, std::string_view suffix = {}) const;

 private:
  blocking_store store_;
};

class machine {
 public:
  using change = std::function<void(options&)>;

  explicit machine(const change& adjust = {});

  temporary_directory directory;
  options how;
  // For processes that start from now on, in the place of the steady clock.
  std::function<std::chrono::steady_clock::time_point()> clock;

  process start(const change& adjust = {}) const;
  // Every process that starts from now on sees another boot id.
  void reboot() noexcept { ++boot_; }
  lock::boot_id boot() const noexcept;

  std::filesystem::path data_path(std::uint32_t number) const;  // of a plain file
  std::filesystem::path lock_path() const;
  std::uint64_t size_of(std::uint32_t number) const {
    return std::filesystem::file_size(data_path(number));
  }
  std::vector<std::string> names() const;  // in the data directory, sorted

  // The record in the lock file; nothing where it cannot be read.
  std::optional<lock::lock_record> record() const;
  void write_record(const lock::lock_record& record) const;
  void change_record(const std::function<void(lock::lock_record&)>& edit) const;

  // What the Python original does: appends to a file under the lock, without a look at the record.
  // Creates the file where it is missing. Returns the location.
  data_location append_as_original(std::uint32_t number, std::string_view bytes) const;

 private:
  unsigned char boot_ = 1;
};

}  // namespace conduit::test
