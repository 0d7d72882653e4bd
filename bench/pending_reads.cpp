// Row 25: very many gets pending at a time on one event loop, against 128 of them.
#include <malloc.h>

#include <algorithm>
#include <array>
#include <string>

#include "comparison.hpp"
#include "filled_store.hpp"

namespace conduit::bench {
namespace {

constexpr unsigned few = 128;
// Each pending get is followed by so many others, one after the other.
constexpr std::uint64_t rounds = 4;

// Gets that follow each other: `pending` at a time, `count` in all. They share a few buffers, as
// what the reader does with cold memory of its own is not the library's.
class read_chain {
 public:
  read_chain(const flat_file_db& db, data_location whole, unsigned pending, std::uint64_t count)
      : db_(db),
        whole_(whole),
        pattern_(filled_store::file_bytes, 1),
        buffers_(few),
        pending_(pending),
        left_(count),
        count_(count) {}

  sample run(asio::io_context& context) {
    const double cpu_before = cpu_seconds();
    const auto begun = stint::clock::now();
    const std::size_t used_before = allocated();
    for (unsigned i = 0; i < pending_; ++i) start();
    bytes_each_ = static_cast<double>(allocated() - used_before) / pending_;
    context.restart();
    context.run();
    const double wall = std::chrono::duration<double>(stint::clock::now() - begun).count();
    if (failure_) throw std::system_error(failure_);
    return {static_cast<double>(count_) / wall,
            (cpu_seconds() - cpu_before) * 1e6 / static_cast<double>(count_)};
  }

  // Memory that malloc gave out for one pending get.
  double bytes_each() const { return bytes_each_; }

 private:
  static std::size_t allocated() {
    const struct mallinfo2 now = ::mallinfo2();
    return now.uordblks + now.hblkhd;
  }

  void start() {
    if (left_ == 0) return;
    --left_;
    const std::uint64_t offset = pattern_.next();
    char* const into = buffers_.at(left_ % few);
    db_.get_into(whole_, slice{offset, offset + block_bytes}, asio::buffer(into, block_bytes),
                 [this](std::error_code error, std::size_t) {
                   if (error) failure_ = error;
                   start();
                 });
  }

  const flat_file_db& db_;
  data_location whole_;
  access_pattern pattern_;
  block_memory buffers_;
  unsigned pending_;
  std::uint64_t left_;
  std::uint64_t count_;
  std::error_code failure_;
  double bytes_each_ = 0;
};

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  const filled_store store(wanted, scratch);
  print_header();
  struct aim {
    unsigned pending;
    double ratio;
  };
  for (const aim& many : {aim{100'000, 0.9}, aim{1'000'000, 0.8}}) {
    if (!wanted.wants(25)) continue;
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, store.how());
    double bytes_each = 0;
    const auto chain = [&](unsigned pending) {
      read_chain gets(db, store.whole(), pending, rounds * many.pending);
      const sample result = gets.run(context);
      bytes_each = gets.bytes_each();
      return result;
    };
    const auto ours = [&] { return chain(many.pending); };
    const auto yardstick = [&] { return chain(few); };
    // How much memory, before the lines that are compared.
    static_cast<void>(ours());
    const std::string what = std::to_string(many.pending) + " pending gets of " +
                             std::to_string(static_cast<int>(bytes_each)) + " bytes each, and 128";
    compare(wanted, 25, what, {many.ratio, measure::rate}, ours, yardstick, [&] { store.warm(); });
  }
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {25}, conduit::bench::run);
}
