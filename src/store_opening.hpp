// Opening a store: checks the options and the file system, creates what is missing, and builds the
// parts.
#pragma once

#include <asio/io_context.hpp>
#include <conduit/options.hpp>
#include <memory>
#include <system_error>

#include "store/binding.hpp"

namespace conduit::detail {

// The home binding of a store. Throws std::system_error. `surroundings` is for tests: empty
// functions mean the machine itself.
std::shared_ptr<binding> open_store(asio::io_context& home, const options& wanted,
                                    environment surroundings = {});

// The same store on another context. Throws std::system_error if the context can have no backend.
std::shared_ptr<binding> bind_store(const binding& known, asio::io_context& context);

}  // namespace conduit::detail
