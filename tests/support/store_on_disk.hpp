// A store whose disk, or boot, is of a test's making: the calls of `flat_file_db` over
// `detail::open_store`.
#pragma once

#include <asio/async_result.hpp>
#include <asio/io_context.hpp>
#include <conduit/detail/op.hpp>
#include <conduit/reports.hpp>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "put/writer.hpp"
#include "store_opening.hpp"

namespace conduit::test {

class store_on_disk {
 public:
  using wrap = std::function<std::unique_ptr<io::file_io>(std::unique_ptr<io::file_io>)>;

  // `around_disk` gets every disk that the store makes: one for the reads of each context, one for
  // the writer.
  store_on_disk(asio::io_context& context, const options& how, wrap around_disk)
      : store_on_disk(context, how, detail::environment{std::move(around_disk), {}, {}}) {}
  store_on_disk(asio::io_context& context, const options& how, detail::environment around)
      : binding_(detail::open_store(context, how, std::move(around))) {}

  store_on_disk bind(asio::io_context& context) const {
    return store_on_disk(detail::bind_store(*binding_, context));
  }

  template <typename Token>
  auto put(asio::const_buffer bytes, Token&& token) const {
    return initiate<detail::put_call, data_location>(token, bytes);
  }
  template <typename Token>
  auto get(data_location location, Token&& token) const {
    return get_slice(location, slice{}, std::forward<Token>(token));
  }
  template <typename Token>
  auto get_slice(data_location location, slice part, Token&& token) const {
    return initiate<detail::get_call, blob>(token, location, part);
  }
  template <typename Token>
  auto pin(data_location location, slice part, Token&& token) const {
    return initiate<detail::pin_call, pinned_slice>(token, location, part);
  }
  template <typename Token>
  auto get_many(std::vector<read_request> requests, const get_many_options& how,
                Token&& token) const {
    return initiate<detail::many_call, std::vector<read_result>>(token, std::move(requests), how);
  }
  std::shared_ptr<detail::blob_stream> open_stream(data_location location, slice part,
                                                   const reader_options& how) const {
    return detail::make_stream(binding_, location, part, how);
  }
  template <typename Token>
  auto read_some(std::shared_ptr<detail::blob_stream> from, asio::mutable_buffer to,
                 Token&& token) const {
    return initiate<detail::stream_call, std::size_t>(token, std::move(from), to);
  }
  template <typename Token>
  auto sync(Token&& token) const {
    return initiate<detail::plain_call<detail::queued_op::kind::sync>>(token);
  }
  template <typename Token>
  auto roll(Token&& token) const {
    return initiate<detail::plain_call<detail::queued_op::kind::roll>, std::uint32_t>(token);
  }
  template <typename Token>
  auto delete_before(std::uint32_t number, Token&& token) const {
    return initiate<detail::plain_call<detail::queued_op::kind::remove_before>, std::size_t>(
        token, number);
  }
  template <typename Token>
  auto files(Token&& token) const {
    return initiate<detail::files_call, std::vector<file_info>>(token);
  }
  template <typename Token>
  auto verify(std::uint32_t number, Token&& token) const {
    return initiate<detail::verify_call, verify_report>(token, number);
  }
  template <typename Token>
  auto compress_file(std::uint32_t number, Token&& token) const {
    return initiate<detail::compress_call, file_compression>(token, number);
  }
  template <typename Token>
  auto close(Token&& token) const {
    return initiate<detail::plain_call<detail::queued_op::kind::close>>(token);
  }

  detail::binding& internals() const noexcept { return *binding_; }
  // What happens when the last handle of a store dies.
  void abandon() const { binding_->home_writer->abandon(); }

 private:
  explicit store_on_disk(std::shared_ptr<detail::binding> known) : binding_(std::move(known)) {}

  template <typename Call, typename... Results, typename Token, typename... Arguments>
  auto initiate(Token& token, Arguments&&... arguments) const {
    return asio::async_initiate<Token, void(std::error_code, Results...)>(
        detail::initiation<Call>(binding_), token, std::forward<Arguments>(arguments)...);
  }

  std::shared_ptr<detail::binding> binding_;
};

}  // namespace conduit::test
