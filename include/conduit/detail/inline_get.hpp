// The fast path of a coroutine's get: bytes that lie in the page cache are read at once, and the coroutine goes on without having been
// suspended. Everything else takes the way of all operations.
#pragma once

#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/detail/op.hpp>
#include <memory>
#include <system_error>
#include <type_traits>

namespace conduit::detail {

template <typename Token>
struct awaitable_token : std::false_type {};
template <typename Executor>
struct awaitable_token<asio::use_awaitable_t<Executor>> : std::true_type {
  template <typename Result>
  using awaitable = asio::awaitable<Result, Executor>;
};
template <typename Token>
inline constexpr bool is_use_awaitable = awaitable_token<std::remove_cvref_t<Token>>::value;

// False where an attempt would be declined: other reads are under way, to be submitted together with this one. A hint, without effect.
bool may_read_inline(const binding& where) noexcept;

// True where the read has ended, well or with `error`; false where it has to take the asynchronous way. Never blocks on the disk.
// Declines now and then although it could, so that a coroutine that never misses does not starve the others.
bool try_get_into(binding& where, const data_location& location, const slice& part, const asio::mutable_buffer& to, std::size_t& length,
                  std::error_code& error) noexcept;
bool try_get(binding& where, const data_location& location, const slice& part, blob& bytes, std::error_code& error);

template <typename Token>
typename awaitable_token<Token>::template awaitable<std::size_t> inline_get_into(std::shared_ptr<binding> where, data_location location,
                                                                                 slice part, asio::mutable_buffer to) {
  std::error_code error;
  std::size_t length = 0;
  if (try_get_into(*where, location, part, to, length, error)) {
    if (error) throw std::system_error(error);
    co_return length;
  }
  Token token;
  length = co_await asio::async_initiate<Token, void(std::error_code, std::size_t)>(initiation<get_into_call>(std::move(where)), token,
                                                                                    location, part, to);
  co_return length;
}

template <typename Token>
typename awaitable_token<Token>::template awaitable<blob> inline_get(std::shared_ptr<binding> where, data_location location, slice part) {
  std::error_code error;
  blob bytes;
  if (try_get(*where, location, part, bytes, error)) {
    if (error) throw std::system_error(error);
    co_return bytes;
  }
  Token token;
  bytes = co_await asio::async_initiate<Token, void(std::error_code, blob)>(initiation<get_call>(std::move(where)), token, location, part);
  co_return bytes;
}

}  // namespace conduit::detail
