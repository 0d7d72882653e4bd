// The one place that knows how Asio's names moved between 1.22 and later releases.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/version.hpp>
#include <typeinfo>

#if ASIO_VERSION >= 102400
#include <asio/as_tuple.hpp>
#include <asio/deferred.hpp>
#else
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
#endif

namespace conduit::detail {

#if ASIO_VERSION >= 102400
using asio::as_tuple;
using asio::deferred;
#else
using asio::experimental::as_tuple;
using asio::experimental::deferred;
#endif

// The executor inside, where it is of this type. Before 1.23 Asio's own `target` does not compare types.
template <typename Executor>
const Executor* target_of(const asio::any_io_executor& executor) noexcept {
  return executor.target_type() == typeid(Executor) ? executor.target<Executor>() : nullptr;
}

}  // namespace conduit::detail
