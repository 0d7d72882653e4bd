// `get_many` of 256 slices of 512 bytes with the same gets one by one: neighbours, and slices drawn
// at random.
#include <algorithm>

#include "comparison.hpp"
#include "filled_store.hpp"

namespace conduit::bench {
namespace {

constexpr std::size_t slices_a_call = 256;
constexpr std::uint64_t slice_bytes = 512;

using request_list = std::vector<read_request>;

// Lists of requests, drawn beforehand.
std::vector<request_list> draw(data_location whole, bool neighbours) {
  access_pattern pattern(filled_store::file_bytes, 1);
  std::vector<request_list> lists(64);
  for (request_list& list : lists) {
    const std::uint64_t first =
        std::min(pattern.next(), filled_store::file_bytes - slices_a_call * slice_bytes);
    for (std::size_t i = 0; i < slices_a_call; ++i) {
      const std::uint64_t start = neighbours ? first + i * slice_bytes : pattern.next();
      list.push_back({whole, {start, start + slice_bytes}});
    }
  }
  return lists;
}

asio::awaitable<void> read_together(flat_file_db db, const std::vector<request_list>& lists,
                                    stint& time) {
  std::size_t next = 0;
  do {
    const std::vector<read_result> found = co_await db.get_many(lists[next++ % lists.size()]);
    for (const read_result& result : found)
      require(!result.error && result.data.size() == slice_bytes, "get_many");
  } while (time.next());
}

asio::awaitable<void> read_one_by_one(flat_file_db db, const std::vector<request_list>& lists,
                                      stint& time) {
  std::size_t next = 0;
  do {
    std::vector<blob> found;
    found.reserve(slices_a_call);
    for (const read_request& request : lists[next++ % lists.size()])
      found.push_back(co_await db.get_slice(request.location, request.part));
  } while (time.next());
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  const filled_store store(wanted, scratch);
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, store.how());
  print_header();
  for (const bool neighbours : {true, false}) {
    const unsigned row = neighbours ? 28 : 29;
    if (!wanted.wants(row)) continue;
    const std::vector<request_list> lists = draw(store.whole(), neighbours);
    const auto sampled = [&](auto read) {
      stint time(wanted.seconds, ~0ULL, 1);
      run_coroutines(context, 1, [&](unsigned) { return read(db, lists, time); });
      return time.result();
    };
    compare(
        wanted, row,
        std::string("get_many of 256 ") + (neighbours ? "neighbours" : "random slices") +
            " / 256 gets",
        {neighbours ? 4.0 : 1.0}, [&] { return sampled(read_together); },
        [&] { return sampled(read_one_by_one); }, [&] { store.warm(); });
  }
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {28, 29}, conduit::bench::run);
}
