#include "put/delivery.hpp"

#include <asio/post.hpp>
#include <new>
#include <utility>

#include "io/awaited.hpp"
#include "io/deliver.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

void delivery::deliver(work_queue finished) {
  work_queue of_home = deliver_abroad(finished);
  if (!of_home.empty()) home_.deliver_all(of_home);
}

bool delivery::complete_few() {
  work_queue of_home = deliver_abroad(ended_);
  unsigned handlers = handlers_run_;
  for (completion* entry = of_home.empty() ? nullptr : &of_home.front(); entry != nullptr;
       entry = of_home.after(*entry))
    ++handlers;
  if (handlers > io::handlers_a_turn) {
    ended_.splice(of_home);
    return false;
  }
  handlers_run_ = handlers;
  home_.take_back_all(of_home);
  // After a handler that forks, the rest belongs to the parent.
  while (!of_home.empty() && !forked()) {
    completion& next = of_home.pop_front();
    try {
      next.complete();
    } catch (...) {
      throw_from_context(std::current_exception());
    }
  }
  return true;
}

// A handler's exception belongs to the caller that runs the context, not to the writer's coroutine.
void delivery::throw_from_context(std::exception_ptr thrown) noexcept {
  try {
    asio::post(home_.context(), [thrown = std::move(thrown)] { std::rethrow_exception(thrown); });
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
    // The exception is lost: the other handlers matter more.
  }
}

asio::awaitable<void> delivery::complete_in_turns() {
  io::awaited<completion> behind;
  auto begin = [this, &behind] {
    home_.send_away(behind);
    ended_.push_back(behind);
    home_.deliver_all(ended_);
  };
  co_await behind.until_complete(std::move(begin));
  handlers_run_ = 0;
}

asio::awaitable<void> delivery::complete() {
  if (!complete_few()) co_await complete_in_turns();
}

bool delivery::turn_is_full() const noexcept { return handlers_run_ >= io::handlers_a_turn; }

work_queue delivery::deliver_abroad(work_queue& finished) {
  const auto is_of_home = [this](completion& one) {
    return &static_cast<queued_op&>(one).owner->port == &home_;
  };
  // Usually all are: they stay in one piece.
  completion* abroad = finished.empty() ? nullptr : &finished.front();
  while (abroad != nullptr && is_of_home(*abroad)) abroad = finished.after(*abroad);
  work_queue of_home;
  of_home.splice_before(finished, abroad);
  while (!finished.empty()) {
    completion& operation = finished.pop_front();
    if (is_of_home(operation)) {
      of_home.push_back(operation);
    } else {
      static_cast<queued_op&>(operation).owner->port.deliver(operation);
    }
  }
  return of_home;
}

}  // namespace conduit::detail
