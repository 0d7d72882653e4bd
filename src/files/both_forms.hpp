// A number that exists in both forms: a process that is killed between the link of the compressed
// file and the removal of the plain one leaves this. Blocking, and as slow as decoding the whole
// file.
#pragma once

#include <cstdint>
#include <functional>
#include <system_error>

#include "files/file_name.hpp"
#include "io/file_io.hpp"

namespace conduit::files {

struct form_comparison {
  bool both = false;  // both files exist
  // The plain file is empty, as an original re-creates one, or holds exactly the plain bytes of the
  // compressed one.
  bool equal = false;
  io::file_status plain;
  io::file_status compressed;
};

// If the files cannot be compared, only the error is meaningful; a damaged compressed file equals
// nothing. Polls `go_on`; false ends the comparison with `operation_aborted`.
std::error_code compare_forms(io::file_io& disk, int directory, std::uint32_t number,
                              const std::function<bool()>& go_on, form_comparison& found);

}  // namespace conduit::files
