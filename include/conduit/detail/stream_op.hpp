// One read of a stream, without its handler: see operations.hpp. The stream itself is compiled
// code.
#pragma once

#include <asio/buffer.hpp>
#include <conduit/data_location.hpp>
#include <conduit/detail/composed_op.hpp>
#include <conduit/detail/exported.hpp>
#include <conduit/slice.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>

namespace conduit {

struct reader_options;

}  // namespace conduit

namespace conduit::detail {

class blob_stream;

class CONDUIT_EXPORTED stream_op : public composed_op {
 public:
  std::shared_ptr<blob_stream> stream;
  std::byte* to = nullptr;
  std::size_t capacity = 0;
  std::size_t length = 0;  // bytes that were read

 private:
  void begin() final;
  void give_up() noexcept final;

 protected:
  ~stream_op() = default;
};

class stream_call : public stream_op {
 public:
  stream_call(std::shared_ptr<blob_stream> from, const asio::mutable_buffer& wanted) {
    stream = std::move(from);
    to = static_cast<std::byte*>(wanted.data());
    capacity = wanted.size();
  }
  std::tuple<std::size_t> results() { return {length}; }

 protected:
  ~stream_call() = default;
};

// Throws std::bad_alloc.
std::shared_ptr<blob_stream> make_stream(std::shared_ptr<binding> where,
                                         const data_location& location, const slice& part,
                                         const reader_options& how);
// The stream's reader is gone.
void close_stream(blob_stream& stream) noexcept;
std::uint64_t size_of_stream(const blob_stream& stream) noexcept;

}  // namespace conduit::detail
