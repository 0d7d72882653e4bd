// Runs calls that may block for long (sync, creation, removal, listing, reads of whole files)
// outside every event loop.
#pragma once

#include <asio/awaitable.hpp>
#include <cerrno>
#include <cstdint>
#include <new>
#include <system_error>
#include <utility>

#include "base/thread_crew.hpp"
#include "io/awaited.hpp"
#include "io/completion_port.hpp"

namespace conduit::io {

// A store's threads, one crew for each purpose: no work waits for work of another purpose. Above
// all the holder of the inter-process lock does not, since every process waits for it. A thread is
// started when there is work for it, and joined on release.
class helper_threads {
 public:
  // For the holder of the lock: runs `function`, suspending a coroutine of the port's context, and
  // returns its result, for example a negative errno; -ENOMEM if it threw std::bad_alloc. It must
  // throw nothing else. If no thread can be started it runs here: the holder goes on, whatever this
  // costs the loop.
  template <typename Function>
  asio::awaitable<std::int64_t> run(completion_port& home, Function function) {
    return run_on(holder_, home, std::move(function));
  }

  // The same, after all work that was posted in the background before.
  template <typename Function>
  asio::awaitable<std::int64_t> run_in_background(completion_port& home, Function function) {
    return run_on(background_, home, std::move(function));
  }
  // One at a time, in order.
  template <typename Function>
  std::error_code post_in_background(Function function) noexcept {
    return background_.post(std::move(function));
  }

  // For a read that opens its file, or looks for its frames. On an error nothing was posted, see
  // `thread_crew`.
  template <typename Function>
  std::error_code post_read(Function function) noexcept {
    return reads_.post(std::move(function));
  }
  // For calls that look at the whole store, or at whole files.
  template <typename Function>
  std::error_code post_survey(Function function) noexcept {
    return surveys_.post(std::move(function));
  }

  // Finishes all work that was posted; nothing may be posted afterwards.
  void join() noexcept {
    for (thread_crew* crew : {&holder_, &background_, &reads_, &surveys_}) crew->join();
  }

 private:
  template <typename Function>
  static asio::awaitable<std::int64_t> run_on(thread_crew& crew, completion_port& home,
                                              Function function) {
    awaited<detail::completion> arrival;
    std::int64_t result = 0;
    auto begin = [&crew, &home, &arrival, &result, &function] {
      auto task = [&home, &arrival, &result, &function] {
        try {
          result = function();
        } catch (const std::bad_alloc&) {
          result = -ENOMEM;
        }
        home.deliver(arrival);
      };
      home.send_away(arrival);
      const std::error_code refused = crew.post(task);
      if (refused) task();
    };
    co_await arrival.until_complete(std::move(begin));
    co_return result;
  }

  thread_crew holder_{1};
  thread_crew background_{1};
  thread_crew reads_{2};
  thread_crew surveys_{2};
};

}  // namespace conduit::io
