// Examines whole files without changing them: how much they hold, and whether every byte of them is
// valid. Blocking: for helper threads.
#pragma once

#include <atomic>
#include <conduit/error.hpp>
#include <conduit/reports.hpp>
#include <cstdint>
#include <system_error>

#include "files/file_name.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

// Works without the lock. A writer may cut the remains of a dead writer while `look` reads: the
// file then has fewer bytes than a moment before, which `look` calls `corrupt`. So `look` is
// retried.
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

// The plain bytes of a compressed file, by its seek table, or else by its whole frames. 0 if it was
// deleted.
std::error_code measure_frames(binding& where, files::file_id file, std::uint64_t& plain_bytes);

// Reads a plain file to its end.
std::error_code check_plain_file(binding& where, const data_file& file,
                                 const std::atomic<bool>& abandoned, verify_report& report);

// Decodes every frame of a compressed file, sealed or mutable. A file without a table that agrees
// with its frames has a fault too; for the mutable file only a check under the lock finds this
// fault, since its table stands when nobody writes.
std::error_code check_compressed_file(binding& where, const data_file& file,
                                      const std::atomic<bool>& abandoned, verify_report& report);

}  // namespace conduit::detail
