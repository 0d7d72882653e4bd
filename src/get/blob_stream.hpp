// The reads of one blob as a stream. What is asked for next is read straight into the caller's
// memory. Of compressed files, and past the page cache, the stream also reads ahead: one piece is
// served while the next ones come, several at once, so that no thread that decodes runs out of
// work.
#pragma once

#include <conduit/blob_reader.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <vector>

#include "base/checksum.hpp"
#include "get/slice_range.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

class blob_stream final : public std::enable_shared_from_this<blob_stream> {
 public:
  blob_stream(std::shared_ptr<binding> where, const data_location& location, const slice& part,
              const reader_options& how);
  blob_stream(const blob_stream&) = delete;
  blob_stream& operator=(const blob_stream&) = delete;

  // The operation's end is up to the stream from here on.
  void read(stream_op& op);
  void cancel(stream_op& op) noexcept;
  // No more reads will come.
  void close() noexcept;

  std::uint64_t size() const noexcept { return range_.length; }

 private:
  using held = std::unique_lock<std::mutex>;
  struct piece;

  // A get of the stream's own. Keeps the stream.
  class inner_get final : public get_op {
   public:
    inner_get(std::shared_ptr<blob_stream> stream, piece* fills) noexcept
        : stream_(std::move(stream)), fills_(fills) {}
    void end(finish way) override { stream_->ended(*this, way); }

    std::shared_ptr<blob_stream> take_stream() noexcept { return std::move(stream_); }
    piece* fills() const noexcept { return fills_; }

   private:
    std::shared_ptr<blob_stream> stream_;
    piece* const fills_;  // null if it fills the caller's memory
  };

  // Bytes that are read ahead.
  struct piece {
    blob memory;
    std::size_t begin = 0;  // not given to the caller yet
    std::size_t end = 0;
    std::optional<inner_get> get;  // under way
    bool failed = false;
  };

  // ---- under the lock, which those that take `hold` may release
  void serve(stream_op& op) noexcept;
  void given(stream_op& op, std::size_t count) noexcept;
  void read_direct(held& hold, stream_op& op);
  bool reads_ahead() const noexcept;
  void read_ahead(held& hold);
  std::size_t size_of_next_piece(std::uint64_t offset);
  // With the rest of a frame behind it.
  std::size_t usual_piece_max() const noexcept {
    return how_.read_ahead_bytes / pieces_.size() * 2;
  }
  void start(held& hold, std::optional<inner_get>& get, piece* fills, std::uint64_t offset,
             std::byte* to, std::size_t size);
  piece& oldest() noexcept { return pieces_[first_ % pieces_.size()]; }

  void ended(inner_get& get, finish how);
  void ended_direct(held& hold, finish how, std::error_code error, std::size_t length);
  void ended_ahead(held& hold);

  const std::shared_ptr<binding> where_;
  const data_location location_;
  const slice part_;
  const file_range range_;
  const reader_options how_;

  std::mutex mutex_;                 // guards all below
  std::uint64_t position_ = 0;       // bytes given to the caller
  std::shared_ptr<data_file> file_;  // set by the first read
  stream_op* waiting_ = nullptr;     // for `direct_` or the oldest piece
  std::optional<inner_get> direct_;  // under way
  std::array<piece, 4> pieces_;
  std::size_t first_ = 0;      // the oldest piece
  std::size_t count_ = 0;      // of pieces that have or get bytes
  std::uint64_t ahead_ = 0;    // where the next piece begins
  std::size_t piece_bytes_;    // of the next piece
  bool ahead_failed_ = false;  // the reads themselves shall meet the error
  bool corrupt_ = false;       // the checksum is another one
  bool closed_ = false;
  running_checksum checksum_;
};

}  // namespace conduit::detail
