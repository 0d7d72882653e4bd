// When a store that never pauses leaves the lock free, at moments that the test chooses.
#include "put/fairness.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "support/temporary_directory.hpp"

namespace conduit::test {

namespace {

using namespace std::chrono_literals;
using detail::fairness;

// A store that nobody has visited since it began to watch its lock file.
class unvisited_store {
 public:
  unvisited_store() {
    std::ofstream(lock_file_).put(' ');
    visits_.begin(directory_ / ".", lock_file_);
  }

  // Time counts from the beginning of the watch.
  bool rests_for_poller_at(fairness::clock::duration when) {
    return turns_.poller_is_due(visits_, visits_.begun() + when);
  }
  void holds_until(fairness::clock::duration when) { turns_.released(visits_.begun() + when); }
  void finds_all_unchanged(bool unchanged) { turns_.found_unchanged(unchanged); }

  // Puts without pause and without a rest; tells whether the store wants one at the end.
  bool wants_rest_when_busy(fairness::clock::duration begin, fairness::clock::duration end) {
    bool rest = rests_for_poller_at(begin);
    finds_all_unchanged(true);
    for (auto now = begin; now < end; now += 1ms) {
      holds_until(now);
      rest = rests_for_poller_at(now + 50us);
      finds_all_unchanged(true);
    }
    holds_until(end);
    return rest;
  }

 private:
  temporary_directory directory_;
  const std::string lock_file_ = directory_ / "lock";
  lock::change_watch visits_;
  fairness turns_;
};

}  // namespace

TEST_CASE("a new store that puts without pause rests for those who may have polled before it") {
  unvisited_store store;
  CHECK_FALSE(store.wants_rest_when_busy(0ms, 50ms));
  CHECK(store.wants_rest_when_busy(50ms, 70ms));
  CHECK(store.wants_rest_when_busy(70ms, 19s));
  CHECK_FALSE(store.wants_rest_when_busy(19s, 21s));
}

TEST_CASE("a new store need not rest once the lock was free for long and nobody came") {
  unvisited_store store;
  CHECK(store.wants_rest_when_busy(0ms, 100ms));
  CHECK_FALSE(store.wants_rest_when_busy(450ms, 1s));
}

TEST_CASE("a lock that was free for long before the first put proves that nobody polls for it") {
  unvisited_store store;
  CHECK_FALSE(store.wants_rest_when_busy(350ms, 1s));
}

TEST_CASE("a long time in which somebody else changed something proves nothing of those who poll") {
  unvisited_store store;
  store.holds_until(100ms);
  static_cast<void>(store.rests_for_poller_at(500ms));
  store.finds_all_unchanged(false);
  store.holds_until(500ms);
  CHECK(store.wants_rest_when_busy(501ms, 1s));
}

}  // namespace conduit::test
