// Hides how Asio's names moved between 1.22 and later releases.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/dispatch.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/version.hpp>
#include <typeinfo>
#include <utility>

#if __has_include(<asio/config.hpp>)
#include <asio/config.hpp>
#else
#include <asio/detail/concurrency_hint.hpp>
#endif
#if ASIO_VERSION >= 102800
#include <asio/associated_immediate_executor.hpp>
#endif

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
using asio::as_tuple_t;
using asio::deferred;
#else
using asio::experimental::as_tuple;
using asio::experimental::as_tuple_t;
using asio::experimental::deferred;
#endif

// The executor inside, if it has this type. Before 1.23 Asio's own `target` does not compare types.
template <typename Executor>
const Executor* target_of(const asio::any_io_executor& executor) noexcept {
  return executor.target_type() == typeid(Executor) ? executor.target<Executor>() : nullptr;
}

// Completes an operation that ended within its own initiation: through the handler's immediate
// executor, which a handler may have since 1.28. Otherwise the initiation returns first.
template <typename Handler, typename Executor, typename Function>
void leave_initiation([[maybe_unused]] const Handler& handler, const Executor& executor,
                      Function&& function) {
#if ASIO_VERSION >= 102800
  asio::dispatch(asio::get_associated_immediate_executor(handler, executor),
                 std::forward<Function>(function));
#else
  asio::post(executor, std::forward<Function>(function));
#endif
}

// Tells whether other threads may post to the context, and let it watch descriptors: not with
// ASIO_CONCURRENCY_HINT_UNSAFE and similar hints.
inline bool has_locks(asio::io_context& context) {
#if __has_include(<asio/config.hpp>)
  asio::config settings(context);
  return settings.get("scheduler", "locking", true) &&
         settings.get("reactor", "registration_locking", true) &&
         settings.get("reactor", "io_locking", true);
#else
  const int hint = asio::use_service<asio::detail::io_context_impl>(context).concurrency_hint();
  return ASIO_CONCURRENCY_HINT_IS_LOCKING(SCHEDULER, hint) &&
         ASIO_CONCURRENCY_HINT_IS_LOCKING(REACTOR_REGISTRATION, hint) &&
         ASIO_CONCURRENCY_HINT_IS_LOCKING(REACTOR_IO, hint);
#endif
}

}  // namespace conduit::detail
