// The content of a store's handle: its parts, its default token, and the calls that take no token,
// which are compiled code.
#pragma once

#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/options.hpp>
#include <conduit/reports.hpp>
#include <memory>
#include <system_error>

namespace conduit::detail {

class binding;

struct store_handle {
  std::shared_ptr<binding> where;
  std::shared_ptr<void>
      life;  // shared by all handles and by no operation: its end is the end of the last handle
};

// `errc::hidden_asio` if `asio_is_shared` is false.
store_handle open_handle(asio::io_context& context, const options& how, bool asio_is_shared);
store_handle open_handle(asio::io_context& context, const options& how, bool asio_is_shared,
                         std::error_code& error);
store_handle bind_handle(const store_handle& known, asio::io_context& context);
store_stats stats_of(const binding& where);
compression_report compression_of(const binding& where);

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

}  // namespace conduit::detail
