// Bytes that a get returns.
#pragma once

#include <asio/buffer.hpp>
#include <cstddef>
#include <cstdint>
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
  // Uninitialised memory of `size` bytes; from 4096 bytes on it begins at a multiple of 64. Throws
  // std::bad_alloc.
  explicit blob(std::size_t size)
      : memory_(std::make_unique_for_overwrite<std::byte[]>(size + padding_of(size))),
        data_(begin_of(memory_.get(), size)),
        size_(size) {}

  blob(blob&& other) noexcept
      : memory_(std::move(other.memory_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  blob& operator=(blob&& other) noexcept {
    memory_ = std::move(other.memory_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  std::byte* data() noexcept { return data_; }
  const std::byte* data() const noexcept { return data_; }
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
  // Allocations of their own pages begin 16 bytes behind a page. Some AMD processors copy at a
  // tenth of their speed to an address that lies less than 64 bytes behind the source, modulo
  // 4096: 2.7 instead of 25 GB/s out of the page cache.
  static constexpr std::size_t aligned_size_min = 4096;
  static constexpr std::size_t alignment = 64;

  static constexpr std::size_t padding_of(std::size_t size) noexcept {
    // A size near the largest one must stay too large to be allocated.
    return size < aligned_size_min || size > PTRDIFF_MAX ? 0 : alignment - 1;
  }
  static std::byte* begin_of(std::byte* memory, std::size_t size) noexcept {
    if (padding_of(size) == 0) return memory;
    return memory + (0 - reinterpret_cast<std::uintptr_t>(memory)) % alignment;
  }

  std::unique_ptr<std::byte[]> memory_;
  std::byte* data_ = nullptr;  // in `memory_`
  std::size_t size_ = 0;
};

}  // namespace conduit
