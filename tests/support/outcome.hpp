// What a callback was called with: the results of the operations of a test that are not awaited.
#pragma once

#include <cstddef>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>

namespace conduit::test {

// Must outlive the operations it gave handlers to. For one thread at a time.
template <typename... Results>
class outcome {
 public:
  // A handler that notes its arguments here. Move-only, like the results it may carry.
  auto handler() {
    return [this, alive = std::make_unique<count_guard>(pending_)](std::error_code with,
                                                                   Results... values) {
      ++calls;
      if (initiating) called_inside = true;
      error = with;
      results = std::tuple<Results...>(std::move(values)...);
    };
  }

  // Handlers that exist still: given to operations, and neither run nor destroyed.
  std::size_t pending() const noexcept {
    return static_cast<std::size_t>(pending_.use_count() - 1);
  }
  bool called() const noexcept { return calls != 0; }
  bool well() const noexcept { return calls != 0 && !error; }
  auto& value() noexcept { return std::get<0>(results); }

  // Set while the call that was given a handler has not returned.
  bool initiating = false;
  bool called_inside = false;

  std::size_t calls = 0;
  std::error_code error;
  std::tuple<Results...> results;

 private:
  using count_guard = std::shared_ptr<void>;
  std::shared_ptr<void> pending_ = std::make_shared<int>(0);
};

}  // namespace conduit::test
