// A data file opened for reading.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "base/unique_fd.hpp"
#include "files/file_frames.hpp"
#include "files/file_name.hpp"
#include "io/file_io.hpp"

namespace conduit::detail {

class data_file {
 public:
  data_file(files::file_id file, unique_fd fd, io::fixed_file fixed, const io::file_status& found,
            bool for_direct, bool is_direct)
      : id(file),
        identity(found),
        opened_for_direct(for_direct),
        direct(is_direct),
        serial(next_serial()),
        fd_(std::move(fd)),
        fixed_(std::move(fixed)),
        frames_(file.form == file_form::zstd ? std::make_shared<file_frames>() : nullptr) {}

  const files::file_id id;
  const io::file_status identity;  // at the time of opening; the size may have changed since
  const bool opened_for_direct;    // O_DIRECT was requested; the file system may not support it
  const bool direct;               // O_DIRECT: offsets, lengths and memory must be aligned
  const std::uint64_t serial;      // unique among all openings of files in this process

  int fd() const noexcept { return fd_.get(); }
  // For requests of the engine that the file was opened for.
  int fixed() const noexcept { return fixed_.number(); }

  // Null for a plain file. The known frames belong to this opening: a later file may get the inode
  // number at once.
  std::shared_ptr<file_frames> frames() const {
    const std::lock_guard hold(mutex_);
    return frames_;
  }
  // Takes over `known`, the frames of the same file from elsewhere, unless another thread has
  // learned more meanwhile.
  void share(std::shared_ptr<file_frames> known) {
    const std::lock_guard hold(mutex_);
    if (frames_->plain_size() <= known->plain_size()) frames_ = std::move(known);
  }

 private:
  static std::uint64_t next_serial() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }

  unique_fd fd_;
  io::fixed_file fixed_;  // goes before the descriptor
  mutable std::mutex mutex_;
  std::shared_ptr<file_frames> frames_;
};

}  // namespace conduit::detail
