#include "simulation/players/crash_report.hpp"

#include <csignal>
#include <string>

#include "simulation/calls/real.hpp"
#include "simulation/world/processes.hpp"
#include "simulation/world/tasks.hpp"

namespace conduit::simulation {

namespace {

void on_signal(int signal) {
  const task* const self = current_task();
  if (self == nullptr) real::end_process(signal);
  const std::string text = std::string(self->owner->name.data(), self->owner->name.size()) +
                           " dies of signal " + std::to_string(signal) + " behind its call of " +
                           self->call;
  end_world(text);
  real::end_process(SIGKILL);
}

}  // namespace

void report_crashes() {
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL})
    std::signal(signal, on_signal);
}

}  // namespace conduit::simulation
