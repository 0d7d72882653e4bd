// Starts a thread, or returns an error if the process can have no more of them.
#pragma once

#include <new>
#include <system_error>
#include <thread>
#include <utility>

namespace conduit {

// `into` must be without a thread. Errors: `resource_unavailable_try_again`, `not_enough_memory`.
template <typename Body>
std::error_code start_thread(std::thread& into, Body body) noexcept {
  try {
    into = std::thread(std::move(body));
    return {};
  } catch (const std::system_error& no_thread) {
    // The standard library gives the errno value another category.
    return {no_thread.code().value(), std::system_category()};
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
}

}  // namespace conduit
