// The Asio that this library was built with: a symbol that its users must name too, and the state
// of its threads.
#include <conduit/detail/asio_build.hpp>

extern "C" const char CONDUIT_ASIO_BUILD = 0;

namespace conduit::detail {

bool library_sees_loop(asio::detail::thread_context& loop) noexcept {
  return loops_of_thread::contains(&loop) != nullptr;
}

}  // namespace conduit::detail
