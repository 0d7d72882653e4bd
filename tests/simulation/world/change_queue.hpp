// What inotify tells of a directory and a file, in the kernel's own form.
#pragma once

#include <string_view>

#include "simulation/world/descriptions.hpp"

namespace conduit::simulation {

struct change_queue final : description {
  ~change_queue() override;
  bool readable() const noexcept override { return !events.empty(); }
  // As many whole events as there is room for.
  std::int64_t read(void* to, std::size_t size) override;
  const char* kind() const noexcept override { return "inotify"; }
  int watch(inode& what, std::uint32_t mask);

  struct notice {
    int watch = 0;
    std::uint32_t mask = 0;
    shared_string name;
  };
  shared_deque<notice> events;
  shared_vector<inode*> watched;
  int next_number = 1;
};

void report_change(inode& what, std::uint32_t mask, std::string_view name);

}  // namespace conduit::simulation
