// Bytes that a get returns.
#pragma once

#include <asio/buffer.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace conduit {

// Owned memory of fixed size, movable; empty after a move. It is not zero-filled first: a get
// overwrites all of it.
class blob {
 public:
  blob() = default;
  // Uninitialised memory of `size` bytes. Throws std::bad_alloc.
  explicit blob(std::size_t size)
      : bytes_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {}

  blob(blob&& other) noexcept
      : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
  blob& operator=(blob&& other) noexcept {
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  std::byte* data() noexcept { return bytes_.get(); }
  const std::byte* data() const noexcept { return bytes_.get(); }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  const std::byte* begin() const noexcept { return data(); }
  const std::byte* end() const noexcept { return data() + size_; }

  // Views of the memory, valid while this object keeps it; a move to another blob carries it along.
  std::span<const std::byte> bytes() const noexcept { return {data(), size_}; }
  asio::const_buffer buffer() const noexcept { return asio::const_buffer(data(), size_); }
  // For `asio::buffer(blob)`, `asio::write` and `put`.
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator asio::const_buffer() const noexcept { return buffer(); }
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data()), size_}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace conduit
