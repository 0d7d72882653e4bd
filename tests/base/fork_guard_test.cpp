#include "base/fork_guard.hpp"

#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>

#include "support/child_process.hpp"

namespace conduit::test {

TEST_CASE(
    "a forked child does not look for what lay on the stack of a thread that it does not have") {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const stack =
      ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(stack != MAP_FAILED);
  auto* const on_stack = std::construct_at(static_cast<closed_on_fork*>(stack), -1);
  const int status = in_child([&] {
    ::munmap(stack, page);
    const closed_on_fork first(-1);
    const closed_on_fork second(-1);
    return 0;
  });
  CHECK(status == 0);
  std::destroy_at(on_stack);
  ::munmap(stack, page);
}

}  // namespace conduit::test
