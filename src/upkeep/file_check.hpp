// Looks at whole files without changing them: how much they hold, and whether every byte of them can be believed. Blocking: for helper
// threads.
#pragma once

#include <atomic>
#include <conduit/reports.hpp>
#include <cstdint>
#include <system_error>

#include "files/binding.hpp"
#include "files/file_name.hpp"

namespace conduit::detail {

// Plain bytes of a compressed file: what its seek table says, or else its frames, as far as they are whole. 0 where it was deleted.
std::error_code measure_frames(binding& where, files::file_id file, std::uint64_t& plain_bytes);

// Reads a plain file to its end.
std::error_code check_plain_file(binding& where, const data_file& file, const std::atomic<bool>& abandoned, verify_report& report);

// Decodes every frame of a compressed file, whatever it is. A file without a table that agrees with its frames has a fault too: of the
// mutable one this is said only under the lock, since its table stands when nobody writes.
std::error_code check_compressed_file(binding& where, const data_file& file, const std::atomic<bool>& abandoned, verify_report& report);

}  // namespace conduit::detail
