// The Asio that this library was built with, as a symbol that its users have to name too.
#include <conduit/detail/asio_build.hpp>

extern "C" const char CONDUIT_ASIO_BUILD = 0;
