// Decides when a transfer that moved nothing is retried. Every loop over a short transfer uses it.
#pragma once

#include <cerrno>
#include <cstdint>

namespace conduit {

// Accounts for the result of an attempt: `retries` counts those in a row that moved nothing. A
// signal storm passes, a broken driver does not.
inline bool tries_again(std::int64_t result, unsigned& retries) noexcept {
  constexpr unsigned retries_max = 64;
  if (result > 0) retries = 0;
  return (result == -EINTR || result == -EAGAIN) && ++retries <= retries_max;
}

// A write that takes nothing and gives no reason counts as an interrupted one.
inline bool writes_again(std::int64_t result, unsigned& retries) noexcept {
  return tries_again(result == 0 ? -EAGAIN : result, retries);
}

}  // namespace conduit
