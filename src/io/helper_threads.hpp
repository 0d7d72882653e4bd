// Runs calls that may block for long (sync of a directory, creation, removal, listing) away from every event loop.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <mutex>
#include <optional>

#include "io/awaited.hpp"
#include "io/completion_port.hpp"

namespace conduit::io {

// Two threads a store, started by the first use and joined on release: one may be held up by a long background sync, which the strand
// keeps from taking both.
class helper_threads {
 public:
  // Runs `function`, suspending a coroutine of the port's context, and returns its result. `function` must not throw.
  template <typename Function>
  auto run(completion_port& home, Function function) -> asio::awaitable<decltype(function())> {
    return run_on(pool().get_executor(), home, std::move(function));
  }
  // The same after everything else that was posted in the background.
  template <typename Function>
  auto run_in_background(completion_port& home, Function function) -> asio::awaitable<decltype(function())> {
    return run_on(background(), home, std::move(function));
  }

  template <typename Function>
  void post(Function function) {
    asio::post(pool(), std::move(function));
  }

  // One at a time, in order.
  template <typename Function>
  void post_in_background(Function function) {
    asio::post(background(), std::move(function));
  }

  // Ends what was started; nothing may be posted afterwards.
  void join() {
    if (pool_) pool_->join();
  }

 private:
  template <typename Executor, typename Function>
  static auto run_on(Executor executor, completion_port& home, Function function) -> asio::awaitable<decltype(function())> {
    awaited<detail::completion> arrival;
    decltype(function()) result{};
    auto begin = [&] {
      home.send_away(arrival);
      asio::post(executor, [&] {
        result = function();
        home.deliver(arrival);
      });
    };
    co_await arrival.until_complete(std::move(begin));
    co_return result;
  }

  asio::thread_pool& pool() {
    const std::lock_guard hold(mutex_);
    if (!pool_) start();
    return *pool_;
  }

  asio::strand<asio::thread_pool::executor_type>& background() {
    const std::lock_guard hold(mutex_);
    if (!pool_) start();
    return *background_;
  }

  void start() {
    pool_.emplace(2);
    background_.emplace(pool_->get_executor());
  }

  std::mutex mutex_;
  std::optional<asio::thread_pool> pool_;
  std::optional<asio::strand<asio::thread_pool::executor_type>> background_;
};

}  // namespace conduit::io
