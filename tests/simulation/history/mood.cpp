#include "simulation/history/mood.hpp"

namespace conduit::simulation {

namespace {

struct usual {
  verb what;
  unsigned weight;
};

constexpr std::array usual_weights{
    usual{verb::pause, 40},    usual{verb::power, 4},     usual{verb::capacity, 3},
    usual{verb::fault, 40},    usual{verb::heal, 5},      usual{verb::backup, 4},
    usual{verb::temper, 2},    usual{verb::decay, 4},     usual{verb::start, 12},
    usual{verb::kill, 4},      usual{verb::kill_at, 6},   usual{verb::stop, 3},
    usual{verb::go, 6},        usual{verb::limit, 4},     usual{verb::fork, 6},
    usual{verb::finish, 3},    usual{verb::destroy, 3},   usual{verb::put, 60},
    usual{verb::put_many, 15}, usual{verb::try_put, 6},   usual{verb::get, 30},
    usual{verb::slice, 15},    usual{verb::get_into, 10}, usual{verb::roll, 8},
    usual{verb::sync, 15},     usual{verb::remove, 5},    usual{verb::remove_before, 4},
    usual{verb::compress, 8},  usual{verb::recover, 4},   usual{verb::survey, 8},
    usual{verb::cancel, 6},    usual{verb::close, 4},     usual{verb::wait, 10},
    usual{verb::original, 3},  usual{verb::block, 4},     usual{verb::slow, 8},
    usual{verb::damage, 4},    usual{verb::foreign, 3},   usual{verb::chain, 12}};

}  // namespace

void mood::change(std::mt19937_64& random) {
  for (const usual& one : usual_weights) {
    const auto kind = random() % 10;
    weights_[static_cast<std::size_t>(one.what)] = kind < 2   ? 0
                                                   : kind < 3 ? 5 * one.weight
                                                              : one.weight;
  }
}

verb mood::some_verb(std::mt19937_64& random) const {
  std::uint64_t sum = 0;
  for (const unsigned weight : weights_) sum += weight;
  if (sum == 0) return verb::put;
  std::uint64_t at = random() % sum;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (at < weights_[i]) return static_cast<verb>(i);
    at -= weights_[i];
  }
  return verb::put;
}

}  // namespace conduit::simulation
