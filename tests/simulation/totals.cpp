#include "simulation/totals.hpp"

#include <algorithm>
#include <fstream>
#include <iomanip>
#include <sstream>

#include "simulation/world/faults.hpp"

namespace conduit::simulation {

namespace {

// What a process asks of its store, by the column's order.
constexpr verb first_operation = verb::put;
constexpr verb last_operation = verb::close;

// All numbers, in one order.
template <typename Totals, typename Visit>
void visit_numbers(Totals& sum, Visit visit) {
  visit(sum.histories);
  visit(sum.found);
  visit(sum.moments);
  visit(sum.acknowledged);
  visit(sum.reads_checked);
  for (auto& row : sum.encounters) {
    for (auto& number : row) visit(number);
  }
}

}  // namespace

void totals::add(const verdict& one) noexcept {
  ++histories;
  found += one.found.empty() ? 0U : 1U;
  moments += one.moments;
  acknowledged += one.acknowledged;
  reads_checked += one.reads_checked;
  for (std::size_t i = 0; i < encounters.size(); ++i) {
    for (std::size_t k = 0; k < encounters[i].size(); ++k) encounters[i][k] += one.encounters[i][k];
  }
}

totals& totals::operator+=(const totals& other) noexcept {
  std::vector<std::uint64_t> numbers;
  visit_numbers(other, [&](std::uint64_t number) { numbers.push_back(number); });
  auto next = numbers.begin();
  visit_numbers(*this, [&](std::uint64_t& number) { number += *next++; });
  return *this;
}

std::string to_string(const totals& sum) {
  std::ostringstream text;
  text << sum.histories << " histories, " << sum.found << " findings; " << sum.moments << " calls, "
       << sum.acknowledged << " blobs acknowledged, " << sum.reads_checked << " reads checked\n";
  text << std::setw(18) << "";
  for (auto what = static_cast<int>(first_operation); what <= static_cast<int>(last_operation);
       ++what) {
    text << ' ' << std::setw(9) << name_of(static_cast<verb>(what)).substr(0, 9);
  }
  text << '\n';
  for (std::size_t i = 0; i < troubles; ++i) {
    text << std::setw(18) << name_of(static_cast<trouble>(i));
    for (auto what = static_cast<std::size_t>(first_operation);
         what <= static_cast<std::size_t>(last_operation); ++what) {
      text << ' ' << std::setw(9) << sum.encounters[i][what];
    }
    text << '\n';
  }
  return text.str();
}

totals keep(const std::filesystem::path& file, const totals& more) {
  totals sum;
  std::ifstream before(file);
  visit_numbers(sum, [&](std::uint64_t& number) {
    if (!(before >> number)) number = 0;
  });
  sum += more;
  std::ofstream after(file);
  visit_numbers(sum, [&](std::uint64_t number) { after << number << '\n'; });
  return sum;
}

}  // namespace conduit::simulation
