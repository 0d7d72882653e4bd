// The fast path of a coroutine's get: bytes in the page cache are read at once, and the coroutine
// continues without having been suspended. All other gets are asynchronous operations.
#pragma once

#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/detail/asio_compat.hpp>
#include <conduit/detail/op.hpp>
#include <memory>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

namespace conduit::detail {

// How a coroutine's token delivers error and result: `use_awaitable`, alone or within one of its
// common adaptors.
template <typename Token>
struct awaiting : std::false_type {};

template <typename Executor>
struct awaiting<asio::use_awaitable_t<Executor>> : std::true_type {
  template <typename Result>
  using awaitable = asio::awaitable<Result, Executor>;

  template <typename Result>
  static Result hand_over(const asio::use_awaitable_t<Executor>& /*token*/, std::error_code error,
                          Result result) {
    if (error) throw std::system_error(error);
    return result;
  }
};

template <typename Executor>
struct awaiting<as_tuple_t<asio::use_awaitable_t<Executor>>> : std::true_type {
  template <typename Result>
  using awaitable = asio::awaitable<std::tuple<std::error_code, Result>, Executor>;

  template <typename Result>
  static std::tuple<std::error_code, Result> hand_over(
      const as_tuple_t<asio::use_awaitable_t<Executor>>& /*token*/, std::error_code error,
      Result result) {
    return {error, std::move(result)};
  }
};

template <typename Executor>
struct awaiting<asio::redirect_error_t<asio::use_awaitable_t<Executor>>> : std::true_type {
  template <typename Result>
  using awaitable = asio::awaitable<Result, Executor>;

  template <typename Result>
  static Result hand_over(const asio::redirect_error_t<asio::use_awaitable_t<Executor>>& token,
                          std::error_code error, Result result) {
    token.ec_ = error;
    return result;
  }
};

template <typename Token>
inline constexpr bool is_awaiting = awaiting<std::remove_cvref_t<Token>>::value;

template <typename Token, typename Result>
using awaitable_for = typename awaiting<Token>::template awaitable<Result>;

// False if an attempt would be declined: other reads are running, and this one should be submitted
// together with them. A hint, without side effects.
bool may_read_inline(const binding& where) noexcept;

// True if the read has ended, with success or with `error`; false if it must go the asynchronous
// way. Never blocks on the disk. Sometimes declines although it could read, so that a coroutine
// that never misses does not starve the others.
bool try_get_into(binding& where, const data_location& location, const slice& part,
                  const asio::mutable_buffer& to, std::size_t& length,
                  std::error_code& error) noexcept;
bool try_get(binding& where, const data_location& location, const slice& part, blob& bytes,
             std::error_code& error) noexcept;

template <typename Token>
awaitable_for<Token, std::size_t> inline_get_into(std::shared_ptr<binding> where,
                                                  data_location location, slice part,
                                                  asio::mutable_buffer to, Token token) {
  std::error_code error;
  std::size_t length = 0;
  if (try_get_into(*where, location, part, to, length, error)) {
    co_return awaiting<Token>::hand_over(token, error, error ? 0 : length);
  }
  auto result = co_await asio::async_initiate<Token, void(std::error_code, std::size_t)>(
      initiation<get_into_call>(std::move(where)), token, location, part, to);
  co_return result;
}

template <typename Token>
awaitable_for<Token, blob> inline_get(std::shared_ptr<binding> where, data_location location,
                                      slice part, Token token) {
  std::error_code error;
  blob bytes;
  if (try_get(*where, location, part, bytes, error)) {
    co_return awaiting<Token>::hand_over(token, error, error ? blob() : std::move(bytes));
  }
  auto result = co_await asio::async_initiate<Token, void(std::error_code, blob)>(
      initiation<get_call>(std::move(where)), token, location, part);
  co_return result;
}

}  // namespace conduit::detail
