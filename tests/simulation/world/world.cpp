#include "simulation/world/world.hpp"

#include <string>

namespace conduit::simulation {

namespace {
world* present = nullptr;
}  // namespace

world& the_world() noexcept { return *present; }
void set_world(world* next) noexcept { present = next; }

bool by_chance(unsigned percent) { return percent != 0 && the_world().chance() % 100 < percent; }
std::uint64_t random_below(std::uint64_t bound) { return the_world().chance() % bound; }

void tell(std::string_view what) {
  world& all = the_world();
  const std::string text = std::to_string(all.now / microsecond) + " us  " + std::string(what);
  all.story.emplace_back(text.data(), text.size());
  for (const char letter : what) leave_trace(static_cast<unsigned char>(letter));
}

void complain(std::string_view what) {
  tell(std::string("FOUND: ") + std::string(what));
  the_world().complaints.emplace_back(what.data(), what.size());
}

void note_trouble() noexcept {
  the_world().last_trouble = the_world().last_fault = the_world().now;
}
void note_full_disk() noexcept { the_world().last_trouble = the_world().now; }

void meet(trouble what, const process* whose) noexcept {
  world& all = the_world();
  auto& row = all.encounters[static_cast<std::size_t>(what)];
  for (const process* one : all.processes) {
    if (!one->alive || (whose != nullptr && one != whose)) continue;
    for (std::size_t i = 0; i < activities; ++i) row[i] += one->pending[i] != 0 ? 1U : 0U;
  }
}

// As FNV-1a does it.
void leave_trace(std::uint64_t what) noexcept {
  world& all = the_world();
  all.fingerprint = (all.fingerprint ^ what) * 0x100000001b3ULL;
}

}  // namespace conduit::simulation
