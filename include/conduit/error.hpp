// The errors of the store. Failures of the operating system keep their errno, and compare equal to
// std::errc; the store's own errors have a code here, in the category "conduit", with a sentence
// that says what happened. docs/errors.md says what to do.
#pragma once

#include <system_error>

namespace conduit {

enum class errc {
  corrupt = 1,   // a blob does not have its location's checksum, or a frame is not what was stored;
                 // see docs/errors.md
  out_of_range,  // the location or the slice reaches past the bytes that exist
  no_such_file,  // no data file of that number
  mutable_file,  // the mutable file cannot be deleted or compressed
  closed,        // the store was closed
  poisoned,      // a sync failed earlier: puts acknowledged without durability may be lost
  wrong_form,    // the data file has another form than the call needs
  locked,  // no lock can be had: its file is replaced again and again, or another process is still
           // making the store
  read_only,                // the store was opened read-only
  bad_location,             // a location's text or bytes cannot be parsed
  bad_options,              // a field of `options` has an invalid value
  unsupported_file_system,  // data or lock lie on a file system that is not known to be local
  not_a_regular_file,  // a link, FIFO, device or directory stands under the name of a data file or
                       // the lock file
  forked,              // the store was opened before fork() and is used in the child
  busy,                // the queue of puts has no room now, and the call does not wait for it
  hidden_asio  // the program hides the parts of Asio that it must share with this library; see
               // docs/errors.md
};

// The category "conduit". Its messages are whole sentences.
const std::error_category& error_category() noexcept;

std::error_code make_error_code(errc code) noexcept;

}  // namespace conduit

template <>
struct std::is_error_code_enum<conduit::errc> : std::true_type {};
