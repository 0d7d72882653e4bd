// The files this store has written to and not yet synced, held open: a sync through another descriptor would not report the errors of
// these writes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/unique_fd.hpp"
#include "io/file_io.hpp"

namespace conduit::detail {

// A data file open for appending.
struct append_file {
  std::uint32_t number = 0;
  unique_fd fd;
};

class unsynced_files {
 public:
  void add(const std::shared_ptr<append_file>& file) {
    const std::lock_guard hold(mutex_);
    if (std::find(files_.begin(), files_.end(), file) == files_.end()) files_.push_back(file);
  }
  void remove(const std::shared_ptr<append_file>& file) {
    const std::lock_guard hold(mutex_);
    std::erase(files_, file);
  }
  std::vector<std::shared_ptr<append_file>> all() const {
    const std::lock_guard hold(mutex_);
    return files_;
  }

  // Nobody will read those again: there is nothing to sync, and held open they would keep their space.
  void forget_deleted(io::file_io& disk) {
    const std::lock_guard hold(mutex_);
    std::erase_if(files_, [&disk](const std::shared_ptr<append_file>& file) {
      io::file_status status;
      return disk.status(file->fd.get(), status) >= 0 && status.links == 0;
    });
  }

  // A sync failed: whatever was not durable may be lost, and no later sync can find out. There is no way back.
  void poison() noexcept {
    const std::lock_guard hold(mutex_);
    poisoned_ = true;
  }
  bool poisoned() const noexcept {
    const std::lock_guard hold(mutex_);
    return poisoned_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<append_file>> files_;
  bool poisoned_ = false;
};

}  // namespace conduit::detail
