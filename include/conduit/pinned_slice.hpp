// Bytes of a plain data file for `sendfile`, `splice` and other ways that need no copy.
#pragma once

#include <conduit/detail/exported.hpp>
#include <cstdint>
#include <memory>
#include <utility>

namespace conduit {

namespace detail {
class data_file;
CONDUIT_EXPORTED int descriptor_of(const data_file& file) noexcept;
}  // namespace detail

// Made by `pin`. The bytes at `offset` of `descriptor` stay valid as long as this value or a copy
// lives, even if the file is deleted or compressed meanwhile: the space of a deleted file is free
// when the last one is gone. Uses one descriptor for each data file, not for each value. It may
// outlive the store.
class pinned_slice {
 public:
  pinned_slice() = default;
  pinned_slice(std::shared_ptr<const detail::data_file> file, std::uint64_t offset,
               std::uint64_t size) noexcept
      : file_(std::move(file)), offset_(offset), size_(size) {}

  // Open for reading; belongs to the store: neither close it nor change its flags or position. -1
  // of a value that `pin` did not make.
  int descriptor() const noexcept { return file_ ? detail::descriptor_of(*file_) : -1; }
  std::uint64_t offset() const noexcept { return offset_; }  // bytes from the file's start
  std::uint64_t size() const noexcept { return size_; }      // bytes

 private:
  std::shared_ptr<const detail::data_file> file_;
  std::uint64_t offset_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace conduit
