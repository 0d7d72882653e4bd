#include "simulation/fault_sweep.hpp"

#include <string>

#include "simulation/director.hpp"
#include "simulation/world/faults.hpp"

namespace conduit::simulation {

namespace {

constexpr unsigned forms = 3;  // plain, compressed, compressed once it is sealed
constexpr unsigned ways = 2;   // a ring, threads
constexpr std::uint64_t from_then_on = 1'000'000;

// Everything that two stores do, in the order of a short life: the first one relaxed and with
// direct reads, the second one durable.
history life(unsigned form, unsigned way) {
  const std::string relaxed =
      "start 0 " + std::to_string(form) + " 0 " + std::to_string(way + 4) + " 1; ";
  const std::string durable =
      "start 1 " + std::to_string(form) + " 1 " + std::to_string(way) + "; ";
  return parse_history("seed 20240229; temper 0 10 10; " + relaxed + durable +
                       "put 0 3 1700; put 0 1 1200000; put_many 0 3 2000; pause 20000; get 0 4; "
                       "slice 0 4; get_into 0 4; "
                       "put 1 1 1000; put 1 2 280; put 1 1 3000; pause 20000; get 1 4; slice 1 2; "
                       "put 0 1 400; sync 0; roll 0; put 0 1 50; pause 20000; "
                       "survey 0 0; survey 0 1; survey 0 2; compress 0 1001; pause 20000; "
                       "remove 0 1002; put 1 1 800; pause 20000; remove_before 1 1001; sync 1; "
                       "close 1; pause 20000; " +
                       durable + "put 1 1 900; get 1 4; pause 20000; fork 1; pause 20000");
}

}  // namespace

fault_sweep::fault_sweep() {
  for (unsigned form = 0; form < forms; ++form) {
    for (unsigned way = 0; way < ways; ++way) lives_.push_back(life(form, way));
  }
  for (std::size_t one = 0; one < lives_.size(); ++one) {
    const verdict sound = play(lives_[one]);
    if (!sound.found.empty()) points_.assign(1, {one, {}});
    if (!sound.found.empty()) return;
    for (std::uint64_t call = 0; call < kernel_calls; ++call) {
      const std::uint64_t errors = errors_of(static_cast<kernel_call>(call)).size();
      for (std::uint64_t first = 0; first < sound.asked[call]; ++first) {
        for (std::uint64_t error = 0; error < errors; ++error) {
          points_.push_back({one, {verb::fault, {call, error, 0, first}}});
          points_.push_back({one, {verb::fault, {call, error, 0, first, from_then_on}}});
        }
      }
    }
  }
}

history fault_sweep::at(std::uint64_t number) const {
  const point& chosen = points_[number];
  history result = lives_[chosen.life];
  result.steps.insert(result.steps.begin(), chosen.fault);
  return result;
}

}  // namespace conduit::simulation
