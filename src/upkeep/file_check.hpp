// Looks at whole files without changing them: how much they hold, and whether every byte of them
// can be believed. Blocking: for helper threads.
#pragma once

#include <atomic>
#include <conduit/error.hpp>
#include <conduit/reports.hpp>
#include <cstdint>
#include <system_error>

#include "files/file_name.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

// Without the lock. A writer may cut what a dead one has left while `look` reads it: the file has
// fewer bytes than a moment before, which `look` calls `corrupt`. So it is asked again.
template <typename Look>
std::error_code look_at_what_is_mended(Look look) {
  constexpr int looks_max = 8;
  std::error_code error;
  for (int i = 0; i < looks_max; ++i) {
    error = look();
    if (error != errc::corrupt) break;
  }
  return error;
}

// Plain bytes of a compressed file: what its seek table says, or else its frames, as far as they
// are whole. 0 where it was deleted.
std::error_code measure_frames(binding& where, files::file_id file, std::uint64_t& plain_bytes);

// Reads a plain file to its end.
std::error_code check_plain_file(binding& where, const data_file& file,
                                 const std::atomic<bool>& abandoned, verify_report& report);

// Decodes every frame of a compressed file, whatever it is. A file without a table that agrees with
// its frames has a fault too: of the mutable one this is said only under the lock, since its table
// stands when nobody writes.
std::error_code check_compressed_file(binding& where, const data_file& file,
                                      const std::atomic<bool>& abandoned, verify_report& report);

}  // namespace conduit::detail
