// Runs a coroutine to its end on the test's thread, so that a test body asserts on plain values.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <utility>

namespace conduit::test {

// Runs `context` until it is out of work and returns the coroutine's result, or throws what it
// threw.
template <typename Result>
Result run(asio::io_context& context, asio::awaitable<Result> task) {
  constexpr bool has_value = !std::is_void_v<Result>;
  std::optional<std::conditional_t<has_value, Result, bool>> result;
  std::exception_ptr failure;
  if constexpr (has_value) {
    asio::co_spawn(context, std::move(task), [&](const std::exception_ptr& error, Result value) {
      failure = error;
      result.emplace(std::move(value));
    });
  } else {
    asio::co_spawn(context, std::move(task), [&](const std::exception_ptr& error) {
      failure = error;
      result.emplace(true);
    });
  }
  context.restart();
  context.run();
  if (failure) std::rethrow_exception(failure);
  if (!result) throw std::logic_error("the loop ran out of work before the coroutine ended");
  if constexpr (has_value) return std::move(*result);
}

// On a context of its own, for coroutines that use no store or that of another, running context.
template <typename Result>
Result run(asio::awaitable<Result> task) {
  asio::io_context context;
  return run(context, std::move(task));
}

// The error with which the coroutine ends; an empty code where it ends well.
template <typename Result>
std::error_code error_of(asio::io_context& context, asio::awaitable<Result> task) {
  try {
    run(context, std::move(task));
  } catch (const std::system_error& failure) {
    return failure.code();
  }
  return {};
}

// Runs the loop until `condition` holds; false where it does not hold after a time that no working
// store needs.
template <typename Condition>
bool run_until_holds(asio::io_context& context, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    context.restart();
    context.run_one_for(std::chrono::milliseconds(1));
  }
  return true;
}

// Runs the loop until nothing is left to do.
inline void run_dry(asio::io_context& context) {
  context.restart();
  context.run();
}

}  // namespace conduit::test
