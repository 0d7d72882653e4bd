// Mends a torn compressed file in place, at a person's request.
#pragma once

#include <asio/awaitable.hpp>
#include <conduit/reports.hpp>
#include <cstdint>
#include <system_error>

#include "lock/held_lock.hpp"
#include "put/put_shared.hpp"

namespace conduit::detail {

// Keeps whole frames, cuts the bytes behind them, and writes their table. Durable when it returns,
// on the port's context.
asio::awaitable<std::error_code> recover_file(put_shared& our, lock::held_lock& held,
                                              std::uint32_t number, recovery_report& report);

}  // namespace conduit::detail
