// Replaces one sealed plain file by its compressed form. Its locations stay true at every moment,
// for every reader and whenever this process dies: the finished file gets its name before the plain
// one loses its own.
#pragma once

#include <conduit/reports.hpp>
#include <functional>
#include <system_error>

#include "io/file_io.hpp"
#include "lock/store_lock.hpp"
#include "store/store_state.hpp"
#include "upkeep/low_priority_thread.hpp"

namespace conduit::detail {

// `result` brings the number, the level and the frame size. Also finishes the work of a killed
// process, see files/both_forms.hpp. If the file is already compressed: success, with the sizes of
// the compressed file, and neither time nor level nor frame size. Blocking. Long work runs on
// `encoder`, everything under the lock on the calling thread.
//
// On an error nothing was changed: the errors of `flat_file_db::compress_file`;
// `device_or_resource_busy` of the system if another process is compressing it, `text_file_busy` if
// somebody keeps writing to it, `resource_unavailable_try_again` if `encoder` has no thread. Polls
// `go_on` often.
std::error_code compress_file(store_state& state, io::file_io& disk, lock::store_lock& lock,
                              low_priority_thread& encoder, const std::function<bool()>& go_on,
                              file_compression& result);

}  // namespace conduit::detail
