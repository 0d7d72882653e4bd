#include "io/backend_probe.hpp"

#include <cerrno>

#include "io/ring_service.hpp"

namespace conduit::io {

std::error_code probe_ring(std::string& reason) {
  const std::error_code refused = try_ring();
  if (!refused) {
    reason = "io_uring is available";
    return refused;
  }
  switch (refused.value()) {
    case EPERM:
    case EACCES:
      reason =
          "io_uring is forbidden here, by a container's seccomp filter or kernel.io_uring_disabled";
      break;
    case ENOSYS:
      reason = "this kernel has no io_uring";
      break;
    case ENOMEM:
      reason = "io_uring has too little locked memory; raise RLIMIT_MEMLOCK";
      break;
    default:
      reason = "io_uring is refused";
      break;
  }
  reason += " (" + refused.message() + ")";
  return refused;
}

}  // namespace conduit::io
