// The errors of the store. Failures of the operating system keep their errno in the system category; everything the store itself
// decides has a code here, in the category "conduit", with a sentence that says what happened.
#pragma once

#include <system_error>

namespace conduit {

enum class errc {
  corrupt = 1,              // stored bytes contradict themselves or the location's checksum
  out_of_range,             // the location or the slice reaches past the bytes that exist
  no_such_file,             // no data file of that number
  mutable_file,             // the mutable file cannot be deleted
  closed,                   // the store was closed
  poisoned,                 // a sync failed: what was acknowledged without durability may be lost
  wrong_form,               // the data file has another form than the call needs
  locked,                   // another process holds the lock and the call does not wait
  read_only,                // the store was opened read-only
  bad_location,             // a location's text or bytes cannot be parsed
  bad_options,              // a field of `options` has a value that makes no sense
  unsupported_compression,  // the compressed form is not available in this version
  unsupported_file_system,  // data or lock lie on a network file system
  not_a_regular_file,       // a link, FIFO, device or directory stands under the name
  forked,                   // the store was opened before fork() and is used in the child
  unsafe_file               // the mutable file is in doubt and the next one could not be begun
};

// The category "conduit". Its messages are whole sentences.
const std::error_category& error_category() noexcept;

std::error_code make_error_code(errc code) noexcept;

}  // namespace conduit

template <>
struct std::is_error_code_enum<conduit::errc> : std::true_type {};
