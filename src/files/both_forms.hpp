// A number that stands there in both forms: what a process leaves that is killed between the link
// of the compressed file and the removal of the plain one. Blocking, and as slow as decoding the
// whole file.
#pragma once

#include <cstdint>
#include <functional>
#include <system_error>

#include "files/file_name.hpp"
#include "io/file_io.hpp"

namespace conduit::files {

struct form_comparison {
  bool both = false;  // stand there
  // The plain file is empty, as an original re-creates one, or holds exactly the plain bytes of the
  // compressed one.
  bool equal = false;
  io::file_status plain;
  io::file_status compressed;
};

// Of what cannot be compared nothing is said but the error; a compressed file that is damaged is
// not equal to anything. `go_on` is asked now and then; false ends it with `operation_aborted`.
std::error_code compare_forms(io::file_io& disk, int directory, std::uint32_t number,
                              const std::function<bool()>& go_on, form_comparison& found);

}  // namespace conduit::files
