#include "simulation/history/step.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace conduit::simulation {

namespace {

constexpr std::array<std::string_view, verbs> names{
    "pause",   "power",   "capacity", "fault",  "heal",     "backup", "temper",        "decay",
    "damage",  "foreign", "slow",     "start",  "original", "kill",   "kill_at",       "stop",
    "go",      "limit",   "fork",     "finish", "destroy",  "put",    "put_many",      "try_put",
    "get",     "slice",   "get_into", "roll",   "sync",     "remove", "remove_before", "compress",
    "recover", "survey",  "cancel",   "close",  "wait",     "block",  "chain",         "check"};

}  // namespace

std::string_view name_of(verb what) noexcept { return names[static_cast<std::size_t>(what)]; }

// Zeros at the end are left out.
std::string to_string(const step& one) {
  std::string text(name_of(one.what));
  std::size_t count = one.with.size();
  while (count != 0 && one.with[count - 1] == 0) --count;
  for (std::size_t i = 0; i < count; ++i) text += " " + std::to_string(one.with[i]);
  return text;
}

std::string to_string(const history& all) {
  std::string text = "seed " + std::to_string(all.seed);
  for (const step& one : all.steps) text += "; " + to_string(one);
  return text;
}

history parse_history(std::string_view text) {
  history all;
  std::istringstream parts{std::string(text)};
  bool first = true;
  for (std::string part; std::getline(parts, part, ';'); first = false) {
    std::istringstream words(part);
    std::string word;
    words >> word;
    if (first) {
      if (word != "seed" || !(words >> all.seed))
        throw std::invalid_argument("a history begins with its seed");
      continue;
    }
    const auto found = std::find(names.begin(), names.end(), word);
    if (found == names.end()) throw std::invalid_argument("no such step: " + word);
    step one{static_cast<verb>(found - names.begin()), {}};
    for (std::uint64_t& number : one.with) {
      if (!(words >> number)) break;
    }
    all.steps.push_back(one);
  }
  return all;
}

}  // namespace conduit::simulation
