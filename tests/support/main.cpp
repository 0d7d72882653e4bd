// The only source that differs between the test programs: the build compiles it once for each
// backend.
#include "support/backend.hpp"

namespace conduit::test {

conduit::backend backend_under_test() { return CONDUIT_TEST_BACKEND; }

}  // namespace conduit::test
