// The files that a ring knows by number. For any other file the kernel takes and drops a reference
// with each request, which costs a small read from the page cache a tenth of its time.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/fork_guard.hpp"

struct io_uring;

namespace conduit::io {

// Thread-safe. In a forked child the ring is the parent's, and nothing here does anything.
class fixed_files {
 public:
  static constexpr int none = -1;

  // `ring` must stay set up until `close`.
  explicit fixed_files(io_uring& ring) noexcept : ring_(&ring) {}

  // The number of the open file from now on; `none` if the kernel refuses or all numbers are taken.
  int add(int fd) noexcept;
  // No request may use the number any more.
  void remove(int number) noexcept;
  // The ring forgets all files, and learns none any more.
  void close() noexcept;

 private:
  bool set_up() noexcept;
  bool forked() const noexcept { return fork_generation() != made_in_; }

  const std::uint64_t made_in_ = fork_generation();
  std::mutex mutex_;  // guards all below
  io_uring* ring_;    // null once it learns no more files
  bool registered_ = false;
  std::vector<int> free_;
};

// The number of one open file, which must stay open for as long as the value lives.
class fixed_file {
 public:
  fixed_file() = default;
  fixed_file(std::shared_ptr<fixed_files> known, int fd) noexcept
      : known_(std::move(known)), number_(known_ ? known_->add(fd) : fixed_files::none) {}
  fixed_file(fixed_file&& other) noexcept
      : known_(std::move(other.known_)), number_(std::exchange(other.number_, fixed_files::none)) {}
  fixed_file& operator=(fixed_file&&) = delete;
  ~fixed_file() {
    if (number_ != fixed_files::none) known_->remove(number_);
  }

  int number() const noexcept { return number_; }

 private:
  std::shared_ptr<fixed_files> known_;
  int number_ = fixed_files::none;
};

}  // namespace conduit::io
