// Adds a completion handler to an operation: memory from the handler's associated allocator,
// cancellation through its associated slot, completion on its associated executor. The only
// templates with code.
#pragma once

#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/dispatch.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/recycling_allocator.hpp>
#include <conduit/detail/asio_compat.hpp>
#include <conduit/detail/operations.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace conduit::detail {

asio::io_context& context_of(const binding& where) noexcept;
// The count in a forked child differs from the count in its parent.
std::uint64_t forks_seen() noexcept;

// Keeps the handler's executor from running out of work. The context of the operation itself counts
// its pending operations, so the common case, a handler that runs there, needs no guard.
template <typename Executor>
class handler_work {
 public:
  handler_work(const Executor& executor, asio::io_context& home)
      : guard_(make_guard(executor, home)) {}

  // The context's own executor, but not one that must never run a handler at once: that one
  // compares unequal.
  static bool runs_on(const Executor& executor, asio::io_context& home) noexcept {
    using native = asio::io_context::executor_type;
    if constexpr (std::is_same_v<Executor, native>) {
      return executor == home.get_executor();
    } else if constexpr (std::is_same_v<Executor, asio::any_io_executor>) {
      const native* plain = target_of<native>(executor);
      return plain != nullptr && *plain == home.get_executor();
    } else {
      return false;
    }
  }

  // On a thread of the context a dispatch would only call the handler.
  bool at_home() const noexcept {
    if constexpr (may_run_on_home) {
      return !guard_;
    } else {
      return false;
    }
  }

 private:
  using guard = asio::executor_work_guard<Executor>;
  // Other executors never run there. Leaving out the optional avoids a g++ 12 warning about a guard
  // that may be uninitialised.
  static constexpr bool may_run_on_home =
      std::is_same_v<Executor, asio::io_context::executor_type> ||
      std::is_same_v<Executor, asio::any_io_executor>;
  using held_guard = std::conditional_t<may_run_on_home, std::optional<guard>, guard>;

  static held_guard make_guard(const Executor& executor, asio::io_context& home) {
    if constexpr (may_run_on_home) {
      if (runs_on(executor, home)) return std::nullopt;
    }
    return held_guard(executor);
  }

  held_guard guard_;
};

// The source of an operation's memory: the handler's own allocator if it has one, else the thread
// that runs the context, which keeps a little for the next operation.
template <typename Allocator>
struct operation_memory {
  using allocator = Allocator;
  static allocator of(const Allocator& own) noexcept { return own; }
};
template <typename Value>
struct operation_memory<std::allocator<Value>> {
  using allocator = asio::recycling_allocator<Value>;
  static allocator of(const std::allocator<Value>& /*own*/) noexcept { return {}; }
};

template <typename Call, typename Handler>
class op final : public Call {
 public:
  using executor_type = asio::associated_executor_t<Handler, asio::io_context::executor_type>;
  using memory_type = operation_memory<asio::associated_allocator_t<Handler>>;
  using allocator_type =
      typename std::allocator_traits<typename memory_type::allocator>::template rebind_alloc<op>;

  // The operation owns itself from here on; `start` must be called next.
  template <typename... Arguments>
  static op& make(std::shared_ptr<binding> owner, Handler&& handler, Arguments&&... arguments) {
    allocator_type allocator(memory_type::of(asio::get_associated_allocator(handler)));
    op* memory = std::allocator_traits<allocator_type>::allocate(allocator, 1);
    try {
      return *std::construct_at(memory, std::move(owner), std::move(handler),
                                std::forward<Arguments>(arguments)...);
    } catch (...) {
      std::allocator_traits<allocator_type>::deallocate(allocator, memory, 1);
      throw;
    }
  }

  template <typename... Arguments>
  op(std::shared_ptr<binding> home, Handler&& handler, Arguments&&... arguments)
      : Call(std::forward<Arguments>(arguments)...),
        handler_(std::move(handler)),
        work_(executor(context_of(*home)), context_of(*home)) {
    this->owner = std::move(home);
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) {
      slot.assign([this](asio::cancellation_type_t type) {
        if (type != asio::cancellation_type::none) this->cancel();
      });
    }
  }

  // The rest happens on the handler's executor. A cancellation signal may be emitted there at the
  // same time: until then the slot is not touched and the operation stays where it is.
  void end(finish way) override {
    if (way == finish::dispatch && work_.at_home()) return invoke();
    arrival self(*this);
    asio::io_context& home = context_of(*this->owner);
    if (way == finish::dispatch) {
      asio::dispatch(executor(home), std::move(self));
    } else if (way == finish::immediate) {
      leave_initiation(handler_, home.get_executor(), detour{std::move(self)});
    }
  }

 private:
  // An ended operation on its way to the handler's executor; freed if that never runs it, and in a
  // forked child, whose parent runs it.
  class arrival {
   public:
    using allocator_type = asio::associated_allocator_t<Handler>;

    explicit arrival(op& ended) noexcept : ended_(&ended) {}
    arrival(arrival&& other) noexcept
        : ended_(std::exchange(other.ended_, nullptr)), made_in_(other.made_in_) {}
    arrival& operator=(arrival&&) = delete;
    ~arrival() {
      if (ended_ != nullptr) ended_->release();
    }

    allocator_type get_allocator() const noexcept {
      return asio::get_associated_allocator(ended_->handler_);
    }
    void operator()() {
      if (forks_seen() == made_in_) std::exchange(ended_, nullptr)->invoke();
    }

    // Continues on the handler's executor. Not every executor accepts a post: a completion executor
    // may only dispatch.
    void go_on() {
      if (forks_seen() == made_in_)
        asio::dispatch(ended_->executor(context_of(*ended_->owner)), std::move(*this));
    }

   private:
    op* ended_;
    std::uint64_t made_in_ = forks_seen();
  };

  // An operation that ended in its own initiation, and must first leave it.
  struct detour {
    using allocator_type = typename arrival::allocator_type;

    arrival ended;

    allocator_type get_allocator() const noexcept { return ended.get_allocator(); }
    void operator()() { ended.go_on(); }
  };

  void invoke() {
    const std::error_code with = this->error;
    auto results = this->results();
    Handler handler = release();
    std::apply([&](auto&&... values) { std::move(handler)(with, std::move(values)...); },
               std::move(results));
  }

  // Frees the operation. The memory goes back before the handler runs, so that the next operation
  // of the handler can have it.
  Handler release() {
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) slot.clear();
    const auto keep = std::move(this->owner);
    Handler handler(std::move(handler_));
    allocator_type allocator(memory_type::of(asio::get_associated_allocator(handler)));
    std::destroy_at(this);
    std::allocator_traits<allocator_type>::deallocate(allocator, this, 1);
    return handler;
  }

  executor_type executor(asio::io_context& context) const noexcept {
    return asio::get_associated_executor(handler_, context.get_executor());
  }

  Handler handler_;
  handler_work<executor_type> work_;
};

// The function object that async_initiate calls. `get_executor` tells adaptors such as
// `cancel_after` where the operation completes by default.
template <typename Call>
class initiation {
 public:
  using executor_type = asio::io_context::executor_type;

  explicit initiation(std::shared_ptr<binding> owner) : owner_(std::move(owner)) {}
  executor_type get_executor() const noexcept { return context_of(*owner_).get_executor(); }

  template <typename Handler, typename... Arguments>
  void operator()(Handler&& handler, Arguments&&... arguments) {
    using plain_handler = std::decay_t<Handler>;
    plain_handler own(std::forward<Handler>(handler));
    op<Call, plain_handler>::make(std::move(owner_), std::move(own),
                                  std::forward<Arguments>(arguments)...)
        .start();
  }

 private:
  std::shared_ptr<binding> owner_;
};

}  // namespace conduit::detail
