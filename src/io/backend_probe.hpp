// Whether this process can have rings, and why not.
#pragma once

#include <string>
#include <system_error>

namespace conduit::io {

// Makes a ring and tears it down. `reason` becomes a sentence fit for people.
std::error_code probe_ring(std::string& reason);

}  // namespace conduit::io
