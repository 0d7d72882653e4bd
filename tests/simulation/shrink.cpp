#include "simulation/shrink.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

namespace conduit::simulation {

namespace {

// A step less is another order of all that follows: so many seeds are asked whether it still finds
// the same.
constexpr std::uint64_t seeds_max = 12;

// What was found, without its numbers.
std::string kind_of(const verdict& result) {
  std::string kind = result.found.front();
  std::erase_if(kind, [](unsigned char letter) {
    return std::isxdigit(letter) != 0 || letter == '#' || letter == ':';
  });
  return kind;
}

class shrinker {
 public:
  shrinker(const history& what, const verdict& result)
      : kind_(kind_of(result)), best_{what, result} {}

  short_history run() {
    for (bool shorter = true; shorter;) {
      shorter = false;
      for (std::size_t size = std::max<std::size_t>(best_.what.steps.size() / 2, 1);; size /= 2) {
        shorter |= drop_parts(size);
        if (size == 1) break;
      }
    }
    lower_numbers();
    return best_;
  }

 private:
  bool drop_parts(std::size_t size) {
    bool shorter = false;
    for (std::size_t at = 0; at < best_.what.steps.size();) {
      history candidate = best_.what;
      const auto begin = candidate.steps.begin() + static_cast<std::ptrdiff_t>(at);
      candidate.steps.erase(
          begin, begin + static_cast<std::ptrdiff_t>(std::min(size, candidate.steps.size() - at)));
      if (take(candidate)) {
        shorter = true;
      } else {
        at += size;
      }
    }
    return shorter;
  }

  void lower_numbers() {
    for (std::size_t at = 0; at < best_.what.steps.size(); ++at) {
      for (std::size_t i = 0; i < best_.what.steps[at].with.size(); ++i) {
        for (const std::uint64_t divisor : {0U, 10U, 2U}) {
          history candidate = best_.what;
          std::uint64_t& number = candidate.steps[at].with[i];
          if (number == 0) break;
          number = divisor == 0 ? 0 : number / divisor;
          take(candidate);
        }
      }
    }
  }

  bool take(history candidate) {
    for (std::uint64_t i = 0; i < seeds_max; ++i) {
      candidate.seed = best_.what.seed + i;
      verdict result = play(candidate);
      if (result.found.empty() || kind_of(result) != kind_) continue;
      best_ = {std::move(candidate), std::move(result)};
      return true;
    }
    return false;
  }

  const std::string kind_;
  short_history best_;
};

}  // namespace

short_history shrink(const history& what, const verdict& result) {
  return shrinker(what, result).run();
}

}  // namespace conduit::simulation
