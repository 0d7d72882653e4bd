// Which backend this process can have, and why.
#pragma once

#include <conduit/options.hpp>
#include <string>

namespace conduit::io {

// Makes and tears down a ring. `reason` becomes a sentence fit for people.
backend probe_backend(std::string& reason);

}  // namespace conduit::io
