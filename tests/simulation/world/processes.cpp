#include "simulation/world/processes.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "simulation/calls/real.hpp"
#include "simulation/protected_files.hpp"
#include "simulation/world/faults.hpp"
#include "simulation/world/rings.hpp"

namespace conduit::simulation {

namespace {

void drop_holder(description* what, const process& whose) {
  if (const auto* const file = dynamic_cast<const open_file*>(what))
    unlock_process(*file->node, whose);
  if (--what->holders == 0) delete what;
}

int lowest_free(const process& owner) noexcept {
  int fd = first_descriptor;
  for (const auto& [taken, what] : owner.descriptors) {
    if (taken != fd) break;
    ++fd;
  }
  return fd;
}

}  // namespace

process& add_process(std::string_view name) {
  world& all = the_world();
  process& made = *make_shared_object<process>();
  made.number = static_cast<unsigned>(all.processes.size());
  made.name.assign(name.data(), name.size());
  all.processes.push_back(&made);
  return made;
}

description* description_of(int fd) noexcept {
  if (fd < first_descriptor || !in_world()) return nullptr;
  const auto& known = current_process().descriptors;
  const auto found = known.find(fd);
  return found == known.end() ? nullptr : found->second;
}

std::int64_t add_descriptor(description* what) {
  process& owner = current_process();
  std::int64_t refused = refusal(kernel_call::new_descriptor);
  if (refused == 0 && !current_task()->sheltered &&
      owner.descriptors.size() >= owner.allowed.descriptors)
    refused = -EMFILE;
  if (refused != 0) {
    note_trouble();
    meet(trouble::no_descriptor, &owner);
    if (what->holders == 0) delete what;
    return refused;
  }
  const int fd = lowest_free(owner);
  owner.descriptors[fd] = what;
  ++what->holders;
  return fd;
}

void put_descriptor(int fd, description* what) {
  ++what->holders;
  if (description_of(fd) != nullptr) close_descriptor(fd);
  current_process().descriptors[fd] = what;
}

std::int64_t close_descriptor(int fd) {
  description* const what = description_of(fd);
  if (what == nullptr) return -EBADF;
  current_process().descriptors.erase(fd);
  // An epoll set forgets a description when nobody has it any more.
  drop_holder(what, current_process());
  return 0;
}

void copy_descriptors(const process& parent, process& child) {
  for (const auto& [fd, what] : parent.descriptors) {
    child.descriptors[fd] = what;
    ++what->holders;
  }
}

void note_writer() {
  if (current_process().may_only_read) complain("a read-only store changes files");
}

void bury(process& dead, std::string_view how) {
  tell(std::string(dead.name.data(), dead.name.size()) + " " + std::string(how));
  if (how == "is killed") {
    meet(trouble::kill, &dead);
    close_what_was_synced_by(dead);
  }
  dead.alive = false;
  dead.gone = the_world().now;
  end_tasks_of(dead);
  forget_transfers_of(dead);
  while (!dead.descriptors.empty()) {
    description* const what = dead.descriptors.begin()->second;
    dead.descriptors.erase(dead.descriptors.begin());
    drop_holder(what, dead);
  }
}

void die_here(process& self) {
  self.dies_at_call = UINT64_MAX;
  finish_some_transfers_of(self);
  bury(self, "is killed");
  end_task();
  real::end_process(SIGKILL);
}

void exit_here() {
  bury(current_process(), "ends");
  end_task();
  real::end_process(0);
}

}  // namespace conduit::simulation
