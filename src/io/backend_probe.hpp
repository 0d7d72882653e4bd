// Tells whether this process can have rings, and if not, why.
#pragma once

#include <string>
#include <system_error>

namespace conduit::io {

// Makes a ring and tears it down. `reason` becomes a sentence for people.
std::error_code probe_ring(std::string& reason);

}  // namespace conduit::io
