// One sealed plain file is replaced by its compressed form, so that its locations are true at every
// moment, whoever reads and whenever this process dies: the finished file gets its name before the
// plain one loses its own.
#pragma once

#include <conduit/reports.hpp>
#include <functional>
#include <system_error>

#include "io/file_io.hpp"
#include "lock/store_lock.hpp"
#include "store/store_state.hpp"
#include "upkeep/low_priority_thread.hpp"

namespace conduit::detail {

// Level and frame size come in `result`, as does the number. Also ends what a killed process began,
// see files/both_forms.hpp. Done already: success, with the sizes of the compressed file, and
// neither time nor level nor frame size. Blocking. What takes long runs on `encoder`, everything
// under the lock on the calling thread.
//
// Errors, and nothing was changed: those of `flat_file_db::compress_file`;
// `device_or_resource_busy` of the system where another process is at it, `text_file_busy` where
// somebody goes on writing to it, `resource_unavailable_try_again` where `encoder` has no thread.
// `go_on` is asked often.
std::error_code compress_file(store_state& state, io::file_io& disk, lock::store_lock& lock,
                              low_priority_thread& encoder, const std::function<bool()>& go_on,
                              file_compression& result);

}  // namespace conduit::detail
