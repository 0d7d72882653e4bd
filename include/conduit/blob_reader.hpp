// A blob as a stream of bytes: `asio::async_read`, `async_read_until` and everything else that
// wants an AsyncReadStream can consume it, in memory that does not grow with the blob.
#pragma once

#include <asio/async_result.hpp>
#include <asio/buffer.hpp>
#include <conduit/detail/op.hpp>
#include <conduit/detail/store_handle.hpp>
#include <conduit/detail/stream_op.hpp>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

namespace conduit {

template <typename Executor>
class basic_flat_file_db;

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

// Made by `open_reader`. Movable; destroying it gives up what it reads ahead, and a read that is
// under way ends as usual.
//
// Reads of one reader go one after the other: a read may begin when the handler of the last one
// runs. They run on the context of the handle that made the reader, and do not need that handle.
// The reader keeps its data file open from the first read on: it reads to the end even if the file
// is deleted or compressed meanwhile, and the space of a deleted file is free when the reader is
// gone.
template <typename Executor>
class basic_blob_reader {
 public:
  using executor_type = Executor;
  template <typename Other>
  struct rebind_executor {
    using other = basic_blob_reader<Other>;
  };
  using default_token = typename detail::default_token<Executor>::type;

  // An empty reader, to be assigned to.
  basic_blob_reader() = default;
  basic_blob_reader(basic_blob_reader&&) noexcept = default;
  basic_blob_reader& operator=(basic_blob_reader&& other) noexcept {
    close();
    where_ = std::move(other.where_);
    stream_ = std::move(other.stream_);
    return *this;
  }
  ~basic_blob_reader() { close(); }

  // The executor of the context on which reads run.
  executor_type get_executor() const noexcept {
    return executor_type(detail::context_of(*where_).get_executor());
  }
  // Bytes of the slice; 0 of one that does not lie in its blob.
  std::uint64_t size() const noexcept { return detail::size_of_stream(*stream_); }

  // Reads the next bytes, at least one and at most as many as the first buffer that is not empty
  // has room for. Signature: void(std::error_code, std::size_t): the count of bytes. At the end of
  // the slice `asio::error::eof`; with only empty buffers 0 and no error. Errors are those of
  // `get_into`; the next read tries again. If `reader_options::verify_checksum` asks for it, a
  // wrong checksum gives `corrupt` in place of the last bytes, and at every further read. A
  // cancelled read ends with `asio::error::operation_aborted` and has moved nothing: the next one
  // gives the same bytes. The memory belongs to the operation until its handler runs.
  template <typename MutableBuffers, typename Token = default_token>
  auto async_read_some(const MutableBuffers& buffers, Token&& token = Token{}) {
    return asio::async_initiate<Token, void(std::error_code, std::size_t)>(
        detail::initiation<detail::stream_call>(where_), token, stream_, first_of(buffers));
  }

 private:
  template <typename Other>
  friend class basic_flat_file_db;

  basic_blob_reader(std::shared_ptr<detail::binding> where,
                    std::shared_ptr<detail::blob_stream> stream) noexcept
      : where_(std::move(where)), stream_(std::move(stream)) {}

  template <typename MutableBuffers>
  static asio::mutable_buffer first_of(const MutableBuffers& buffers) {
    const auto last = asio::buffer_sequence_end(buffers);
    for (auto part = asio::buffer_sequence_begin(buffers); part != last; ++part) {
      const asio::mutable_buffer buffer(*part);
      if (buffer.size() != 0) return buffer;
    }
    return {};
  }

  void close() noexcept {
    if (stream_) detail::close_stream(*stream_);
  }

  std::shared_ptr<detail::binding> where_;
  std::shared_ptr<detail::blob_stream> stream_;
};

using blob_reader = basic_blob_reader<asio::io_context::executor_type>;

}  // namespace conduit
