// The one place where a negative errno, as the kernel returns it, becomes an error code.
#pragma once

#include <asio/error.hpp>
#include <cerrno>
#include <conduit/error.hpp>
#include <cstdint>
#include <system_error>

namespace conduit {

inline std::error_code os_error(std::int64_t result) noexcept {
  if (result >= 0) return {};
  if (result == -ECANCELED) return asio::error::operation_aborted;
  return {static_cast<int>(-result), std::system_category()};
}

// The answers of an open that follows no link if the name is no regular file's. If that is found
// out only after the open, the error is `errc::not_a_regular_file` too.
inline bool is_irregular(std::int64_t result) noexcept {
  return result == -ELOOP || result == -ENXIO || result == -EISDIR;
}

// The error code of a failed open.
inline std::error_code open_error(std::int64_t result) noexcept {
  return is_irregular(result) ? make_error_code(errc::not_a_regular_file) : os_error(result);
}

// No room for the data: the file is cut back and stays in use.
inline bool is_out_of_space(std::int64_t result) noexcept {
  return result == -ENOSPC || result == -EDQUOT || result == -EFBIG;
}
inline bool is_out_of_space(const std::error_code& error) noexcept {
  return error.category() == std::system_category() &&
         is_out_of_space(-std::int64_t{error.value()});
}

}  // namespace conduit
