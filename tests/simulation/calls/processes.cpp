// Forks, and the few other calls that a process makes about itself.
#include <pthread.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

#include "simulation/calls/answers.hpp"
#include "simulation/calls/real.hpp"
#include "simulation/world/processes.hpp"

using namespace conduit::simulation;

namespace {

// The child of the fork that is under way.
task* child_to_be = nullptr;

// Before every other handler: those make calls.
[[gnu::constructor(101)]] void prepare_for_forks() {
  pthread_atfork(nullptr, nullptr, [] {
    if (child_to_be == nullptr) return forget_task();
    task& self = *child_to_be;
    child_to_be = nullptr;
    // Where not even one descriptor can be had although others were closed, Asio cannot go on in
    // the child either.
    self.sheltered = true;
    become(self);
  });
}

}  // namespace

extern "C" {

pid_t fork() noexcept {
  if (!in_world()) return CONDUIT_REAL(fork)();
  process& parent = current_process();
  meet(trouble::fork, &parent);
  const std::string name = std::string(parent.name.data(), parent.name.size()) + "'s child";
  process& child = add_process(name);
  child.allowed = parent.allowed;
  copy_descriptors(parent, child);
  task& first = add_task(child);
  first.state = task::phase::parked;  // not before there is a thread to run it
  child_to_be = &first;
  // The handlers of a fork take locks: nobody else may have turns meanwhile, and take others. Nor
  // is there half a fork.
  const unsigned switches = std::exchange(the_world().manners.switches, 0);
  const std::uint64_t dies_at_call = std::exchange(parent.dies_at_call, UINT64_MAX);
  const pid_t made = CONDUIT_REAL(fork)();
  if (made == 0) {
    current_task()->sheltered = false;
    return 0;
  }
  the_world().manners.switches = switches;
  parent.dies_at_call = dies_at_call;
  child_to_be = nullptr;
  child.pid = made;
  first.state = task::phase::ready;
  // A number that does not depend on the machine.
  return made > 0 ? static_cast<pid_t>(child.number) : made;
}

ssize_t getrandom(void* to, std::size_t size, unsigned flags) {
  if (!in_world()) return CONDUIT_REAL(getrandom)(to, size, flags);
  auto* const bytes = static_cast<unsigned char*>(to);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(random_below(256));
  return static_cast<ssize_t>(size);
}

int setpriority(__priority_which_t which, id_t who, int value) noexcept {
  return in_world() ? 0 : CONDUIT_REAL(setpriority)(which, who, value);
}

}  // extern "C"
