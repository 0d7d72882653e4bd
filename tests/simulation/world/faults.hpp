// Calls that fail: which, for whom, from when and how often. What a kernel could not answer is
// never asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "simulation/world/world.hpp"

namespace conduit::simulation {

std::string_view name_of(trouble what) noexcept;

// Errors that the kernel may answer such a call with, and that the store is to survive.
const std::vector<int>& errors_of(kernel_call what);

// What a rule says of this call of the running process: nothing, an errno, or 0 for a short
// transfer. Counts it.
std::optional<int> injected(kernel_call what) noexcept;
// The same for a call that moves nothing: 0 or a negative errno.
std::int64_t refusal(kernel_call what) noexcept;
// Part of a transfer of `size` bytes: less, but something.
std::uint64_t shortened(std::uint64_t size);

}  // namespace conduit::simulation
