// Lets a coroutine of the library wait for a completion: the object lives in the coroutine's frame.
#pragma once

#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/detail/completion.hpp>
#include <optional>
#include <utility>

namespace conduit::io {

// `Base` is `detail::completion` or a class derived from it.
template <typename Base>
class awaited final : public Base {
 public:
  // Calls `begin`, which hands this object to its completer, and suspends until then.
  template <typename Begin>
  asio::awaitable<void> until_complete(Begin begin) {
    auto initiation = [this](auto&& handler, Begin start) {
      handler_.emplace(std::forward<decltype(handler)>(handler));
      // Called from the stack, not from the frame: the coroutine may be gone before the call
      // returns.
      const Begin own(std::move(start));
      own();
    };
    return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        std::move(initiation), asio::use_awaitable, std::move(begin));
  }

  void complete() override {
    // Moved out first: the coroutine may end, and this object with it.
    handler_type handler = std::move(*handler_);
    handler_.reset();
    std::move(handler)();
  }

  void drop() noexcept override {
    // Destroys the coroutine, and this object with it.
    if (handler_) handler_type(std::move(*handler_));
  }

 private:
  using handler_type = typename asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;
  std::optional<handler_type> handler_;
};

}  // namespace conduit::io
