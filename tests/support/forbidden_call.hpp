// A sandbox, as containers have one.
#pragma once

#include <seccomp.h>

namespace conduit::test {

// From here on this process gets `error` from the system call, or from those calls of it whose
// arguments fulfil the condition.
template <typename... Condition>
bool forbid(int system_call, int error, Condition... condition) {
  const scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) return false;
  const bool well = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<unsigned>(error)),
                                       system_call, sizeof...(condition), condition...) == 0 &&
                    ::seccomp_load(filter) == 0;
  ::seccomp_release(filter);
  return well;
}

}  // namespace conduit::test
