// The last step of a get: a whole blob must have the checksum that its location carries.
#pragma once

#include <conduit/data_location.hpp>
#include <conduit/error.hpp>
#include <conduit/options.hpp>
#include <span>
#include <system_error>

#include "base/checksum.hpp"
#include "get/slice_range.hpp"

namespace conduit::detail {

inline std::error_code check_blob(const options& how, const data_location& location,
                                  const file_range& range,
                                  std::span<const std::byte> bytes) noexcept {
  const bool checkable = range.whole_blob && location.checksum != 0 && how.verify_checksums;
  if (checkable && checksum_of(bytes) != location.checksum) return errc::corrupt;
  return {};
}

}  // namespace conduit::detail
