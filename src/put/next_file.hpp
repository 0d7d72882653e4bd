// The successor of the mutable file: the reasons to begin it that lie outside the mutable file, its
// number, and its creation.
#pragma once

#include <asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <system_error>

#include "files/directory.hpp"
#include "io/completion_port.hpp"
#include "io/file_io.hpp"
#include "lock/held_lock.hpp"
#include "store/store_state.hpp"

namespace conduit::detail {

// Why nobody may append to the mutable file, as far as record and directory tell; null if they
// give no reason. `wanted` is the form of the puts.
const char* reason_to_begin(const lock::held_lock& held, file_form wanted) noexcept;

// A number above every number ever used, and at least `at_least`. Empty if none is left.
std::optional<std::uint32_t> next_number(const lock::held_lock& held,
                                         std::uint32_t at_least) noexcept;

// Creates an empty file, makes it the mutable one, and syncs its directory entry. If that sync was
// not begun, nothing has changed; the file may stay there if it cannot be removed. `file_exists`:
// the number is taken, in either form. Completes on the port's context.
asio::awaitable<lock::directory_sync> begin_file(store_state& state, io::file_io& disk,
                                                 io::completion_port& home, lock::held_lock& held,
                                                 files::file_id file);

}  // namespace conduit::detail
