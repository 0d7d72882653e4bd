// What a handle of a store consists of, and the calls on it that need no token: all of it compiled, once for every kind of handle.
#pragma once

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/options.hpp>
#include <conduit/reports.hpp>
#include <memory>
#include <ranges>
#include <system_error>
#include <type_traits>
#include <utility>

namespace conduit::detail {

class binding;

struct store_handle {
  std::shared_ptr<binding> where;
  std::shared_ptr<void> life;  // shared by all handles and by no operation: its end is the end of the last handle
};

// Where `asio_is_shared` is false: `errc::hidden_asio`.
store_handle open_handle(asio::io_context& context, const options& how, bool asio_is_shared);
store_handle open_handle(asio::io_context& context, const options& how, bool asio_is_shared, std::error_code& error);
store_handle bind_handle(const store_handle& known, asio::io_context& context);
store_stats stats_of(const binding& where);
compression_report compression_of(const binding& where);

using loops_of_thread = asio::detail::call_stack<asio::detail::thread_context, asio::detail::thread_info_base>;

// Whether the library finds this loop among those that the calling thread runs.
bool library_sees_loop(asio::detail::thread_context& loop) noexcept;

// Whether the code that calls this and the library find the same loops. Compiled by the caller.
inline bool shares_asio() {
  asio::detail::thread_context loop;
  asio::detail::thread_info_base thread;
  const loops_of_thread::context running(&loop, thread);
  return library_sees_loop(loop);
}

// The executor's own default, which `as_default_on` gives it, else `use_awaitable`.
template <typename Executor>
struct default_token {
  using type = asio::use_awaitable_t<>;
};
template <typename Executor>
  requires requires { typename Executor::default_completion_token_type; }
struct default_token<Executor> {
  using type = typename Executor::default_completion_token_type;
};

template <typename Value>
concept plain_buffer =
    std::is_same_v<std::remove_cvref_t<Value>, asio::const_buffer> || std::is_same_v<std::remove_cvref_t<Value>, asio::mutable_buffer>;

template <typename Sequence>
using element_of = decltype(*asio::buffer_sequence_begin(std::declval<const Sequence&>()));

// The bytes of one blob. No elements that own their bytes and are made on the fly: they would be gone before the operation begins.
template <typename Source>
concept blob_source =
    std::is_convertible_v<const Source&, asio::const_buffer> ||
    (asio::is_const_buffer_sequence<Source>::value && (std::is_reference_v<element_of<Source>> || plain_buffer<element_of<Source>>));

// The same of its elements: they stand somewhere, or only name bytes that do.
template <typename Element>
concept lasting_blob = blob_source<std::remove_cvref_t<Element>> &&
                       (std::is_reference_v<Element> || plain_buffer<Element> ||
                        (asio::is_const_buffer_sequence<Element>::value && !std::is_convertible_v<Element, asio::const_buffer> &&
                         plain_buffer<element_of<Element>>));

template <typename Range>
concept blob_range = std::ranges::input_range<const Range> && lasting_blob<std::ranges::range_reference_t<const Range>>;

}  // namespace conduit::detail
