// Runs calls that may block for long (sync of a directory, creation, removal, listing) away from every event loop.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "base/fork_guard.hpp"
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
    auto crew = get();
    auto executor = crew->pool.get_executor();
    return run_on(std::move(crew), std::move(executor), home, std::move(function));
  }
  // The same after everything else that was posted in the background.
  template <typename Function>
  auto run_in_background(completion_port& home, Function function) -> asio::awaitable<decltype(function())> {
    auto crew = get();
    auto executor = crew->background;
    return run_on(std::move(crew), std::move(executor), home, std::move(function));
  }

  template <typename Function>
  void post(Function function) {
    const auto crew = get();
    asio::post(crew->pool, std::move(function));
  }

  // One at a time, in order.
  template <typename Function>
  void post_in_background(Function function) {
    const auto crew = get();
    asio::post(crew->background, std::move(function));
  }

  // Ends what was started; nothing may be posted afterwards. In a forked child there are no such threads to wait for.
  void join() {
    if (crew_ && fork_generation() == opened_in_) crew_->pool.join();
  }

 private:
  // Shared with every call that is just posting: what it posts may end the store, on another thread, before the call has returned.
  struct threads {
    asio::thread_pool pool{2};
    asio::strand<asio::thread_pool::executor_type> background{pool.get_executor()};
  };

  template <typename Executor, typename Function>
  static auto run_on(std::shared_ptr<threads> crew, Executor executor, completion_port& home, Function function)
      -> asio::awaitable<decltype(function())> {
    awaited<detail::completion> arrival;
    decltype(function()) result{};
    auto begin = [&home, &arrival, &result, &function, keep = std::move(crew), executor] {
      home.send_away(arrival);
      asio::post(executor, [&home, &arrival, &result, &function] {
        result = function();
        home.deliver(arrival);
      });
    };
    co_await arrival.until_complete(std::move(begin));
    co_return result;
  }

  std::shared_ptr<threads> get() {
    const std::lock_guard hold(mutex_);
    if (!crew_) crew_ = std::make_shared<threads>();
    return crew_;
  }

  const std::uint64_t opened_in_ = fork_generation();
  std::mutex mutex_;
  std::shared_ptr<threads> crew_;
};

}  // namespace conduit::io
