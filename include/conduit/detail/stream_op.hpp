// One read of a stream, without its handler: see operations.hpp. The stream itself is compiled
// code.
#pragma once

#include <asio/buffer.hpp>
#include <conduit/data_location.hpp>
#include <conduit/detail/completion.hpp>
#include <conduit/detail/exported.hpp>
#include <conduit/detail/operations.hpp>
#include <conduit/slice.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>

namespace conduit {

// How a `blob_reader` reads.
struct reader_options {
  // NOLINTBEGIN(readability-redundant-member-init): otherwise compilers warn of each field that a
  // caller does not name.
  // Bytes that are read before they are asked for, at most about so many: in four pieces, which
  // grow while the reads go on, or one larger frame. 0: none. Plain files need none, unless they
  // are read past the page cache: the kernel reads ahead.
  std::size_t read_ahead_bytes = 4U << 20;
  // Compares a whole blob with its location's checksum before its last bytes are given; the caller
  // has all other bytes by then. Costs a plain blob in the page cache a quarter of its rate.
  bool verify_checksum = false;
  // NOLINTEND(readability-redundant-member-init)
};

}  // namespace conduit

namespace conduit::detail {

class blob_stream;

class CONDUIT_EXPORTED stream_op : public io_request {
 public:
  std::shared_ptr<blob_stream> stream;
  std::byte* to = nullptr;
  std::size_t capacity = 0;
  std::size_t length = 0;  // bytes that were read
  std::error_code error;
  std::shared_ptr<binding> owner;

  virtual void end(finish how) = 0;
  void start();
  void cancel() noexcept;
  void complete() final;
  void drop() noexcept final;

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
