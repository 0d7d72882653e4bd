// The frames of one batch of a compressed store: cuts and packs the blobs, and encodes them before
// the lock is taken, or while another batch is written. It does not know where the frames go in a
// file.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "codec/codec_pool.hpp"
#include "codec/frame_index.hpp"
#include "io/completion_port.hpp"
#include "io/iov_cursor.hpp"

namespace conduit::detail {

// Blobs that are written together: the parts of all blobs in a row, and the size of each blob.
struct plain_batch {
  std::vector<asio::const_buffer> parts;
  std::vector<std::uint64_t> blob_bytes;
};

class frame_batch final : public completion, public std::enable_shared_from_this<frame_batch> {
 public:
  // Up to this size encoding takes less time than the way to another thread and back.
  static constexpr std::size_t encode_here_max = 8U << 10;

  frame_batch(std::size_t plain_max, int level) noexcept : frame_bytes_(plain_max), level_(level) {}

  // Begins a new batch. Packs blobs into frames of at most `plain_max` bytes: a blob that does not
  // fit into the rest of a frame begins the next, and only a blob larger than a frame is cut. The
  // memory of the blobs stays the caller's. Throws std::bad_alloc.
  void plan(const plain_batch& blobs);

  // Begins to encode the planned frames: a small batch on the spot, a larger one on all threads of
  // the pool. Calls `blobs_read` once, on the thread that read the last blob. The batch keeps
  // itself alive until it is encoded.
  void encode(codec::codec_pool& pool, io::completion_port& home,
              std::function<void()> blobs_read) noexcept;
  // Waits for all frames, on the port's context. The only error is `not_enough_memory` of the
  // system.
  asio::awaitable<std::error_code> until_encoded();
  // Blocks until the blobs are read.
  void wait_until_read() noexcept;
  // The threads of the pool, or the port, still have it.
  bool is_busy() const noexcept { return waiter_ != this; }

  std::span<const codec::frame_sizes> frames() const noexcept { return sizes_; }
  std::uint64_t plain_bytes() const noexcept { return plain_bytes_; }
  std::uint64_t stored_bytes() const noexcept;
  // The encoding time, summed over all threads.
  std::chrono::nanoseconds encoding_time() const noexcept {
    return std::chrono::nanoseconds(encode_ns_.load(std::memory_order_relaxed));
  }
  // The encoded frames, in order. They stay here until the next `plan`.
  void add_to(io::iov_cursor& write) const;

 private:
  struct planned_frame {
    std::size_t first_part = 0;
    std::size_t part_count = 0;
    std::size_t plain_bytes = 0;
    std::size_t offset = 0;  // in `encoded_`
    std::size_t room = 0;
  };

  void complete() override;
  void drop() noexcept override;
  void work() noexcept;
  void add_part(const asio::const_buffer& part);
  void close_frame();
  bool make_room() noexcept;
  bool encode_frame(std::size_t index) noexcept;

  const std::size_t frame_bytes_;
  const int level_;
  std::vector<asio::const_buffer> parts_;
  std::vector<planned_frame> planned_;
  planned_frame open_;
  std::size_t plain_bytes_ = 0;
  std::vector<codec::frame_sizes> sizes_;
  std::unique_ptr<std::byte[]> encoded_;
  std::size_t encoded_room_ = 0;
  std::atomic<std::int64_t> encode_ns_{0};  // each thread that encodes adds its own

  io::completion_port* home_ = nullptr;
  std::function<void()> blobs_read_;
  std::shared_ptr<frame_batch> kept_;       // from `encode` to `complete`, both on home
  std::atomic<std::size_t> next_frame_{0};  // each thread takes the next
  std::atomic<std::size_t> workers_{0};     // tasks of the pool; the last one delivers the batch
  std::atomic<bool> reading_{false};        // cleared by the last thread
  std::atomic<bool> failed_{false};         // each thread may set it
  std::atomic<completion*> waiter_{this};   // set by `until_encoded`; this object: encoded
};

}  // namespace conduit::detail
