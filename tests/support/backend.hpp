// Which backend the running test program is for: the whole suite is linked into one program for
// each.
#pragma once

#include <conduit/options.hpp>

namespace conduit::test {

conduit::backend backend_under_test();

}  // namespace conduit::test
