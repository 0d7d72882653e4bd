#include "upkeep/frame_file.hpp"

#include <asio/error.hpp>
#include <conduit/error.hpp>

#include <algorithm>
#include <chrono>
#include <new>
#include <span>
#include <vector>

#include "base/os_error.hpp"
#include "codec/frame.hpp"
#include "codec/seek_table.hpp"
#include "files/exact_transfers.hpp"
#include "files/passing_reader.hpp"

namespace conduit::detail {

namespace {

// Frames are gathered up to this size: a write for each would cost more.
constexpr std::size_t write_bytes = 1U << 20;
// Written bytes are synced up to this size. One sync of everything would fill the disk's queue, and
// durable puts would wait behind it: beside files of 400 MB the longest put took 123 to 304 ms.
constexpr std::uint64_t unsynced_max = 4U << 20;

class frame_file {
 public:
  frame_file(io::file_io& disk, int fd, file_compression& result)
      : disk_(disk), fd_(fd), result_(result), encoder_(result.level) {}

  std::error_code add(std::span<const std::byte> plain) {
    const std::size_t before = pending_.size();
    codec::frame_sizes sizes;
    sizes.plain = static_cast<std::uint32_t>(plain.size());
    const auto begun = std::chrono::steady_clock::now();
    std::error_code error = encoder_.append(plain, pending_, sizes.stored);
    encoding_ += std::chrono::steady_clock::now() - begun;
    if (error) return error;
    decoded_.resize(plain.size());
    error = decoder_.decode_whole(std::span<const std::byte>(pending_).subspan(before), decoded_);
    if (error) return error;
    if (!std::equal(plain.begin(), plain.end(), decoded_.begin())) return errc::corrupt;
    if (table_.count() == codec::seek_table_entries_max)
      return std::make_error_code(std::errc::value_too_large);
    table_.append({&sizes, 1});
    return pending_.size() < write_bytes ? std::error_code{} : write();
  }

  std::error_code finish() {
    result_.frames = table_.count();
    result_.encode_us = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(encoding_).count());
    pending_.insert(pending_.end(), table_.bytes().begin(), table_.bytes().end());
    const std::error_code error = write();
    result_.stored_bytes = written_;
    return error;
  }

 private:
  std::error_code write() {
    std::error_code error = files::write_exact(disk_, fd_, pending_, written_);
    written_ += pending_.size();
    pending_.clear();
    if (error || written_ - synced_ < unsynced_max) return error;
    error = os_error(disk_.sync_data(fd_));
    synced_ = written_;
    return error;
  }

  io::file_io& disk_;
  const int fd_;
  file_compression& result_;
  codec::encoder encoder_;
  codec::decoder decoder_;
  std::vector<std::byte> pending_;
  std::vector<std::byte> decoded_;
  codec::growing_table table_;
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;
  std::chrono::steady_clock::duration encoding_{};
};

}  // namespace

std::error_code write_frame_file(io::file_io& disk, int from, std::uint64_t plain_size, int to,
                                 const std::function<bool()>& go_on, file_compression& result) try {
  frame_file file(disk, to, result);
  files::passing_reader source(disk, from);
  std::vector<std::byte> plain;
  for (std::uint64_t at = 0; at < plain_size; at += plain.size()) {
    if (!go_on()) return asio::error::operation_aborted;
    plain.resize(
        static_cast<std::size_t>(std::min<std::uint64_t>(result.frame_bytes, plain_size - at)));
    std::error_code error = source.read_exact(plain, at);
    if (!error) error = file.add(plain);
    if (error) return error;
  }
  result.plain_bytes = plain_size;
  return file.finish();
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

}  // namespace conduit::detail
