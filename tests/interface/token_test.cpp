// Every call with every kind of completion token: results, errors, and never a handler inside the
// call.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <conduit/detail/asio_compat.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <chrono>
#include <future>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "support/outcome.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
using detail::as_tuple;
using detail::deferred;

// What the calls of a round work on: a sealed file with one blob and a mutable one behind it.
struct subject {
  store_fixture store;
  std::string text = bytes_of(1, 3000);
  std::string into = std::string(3000, '\0');
  data_location known = store.put(text);
  std::uint32_t sealed = known.file_number;
  std::uint32_t open_file = store.roll();
};

// Each call: how it is made with a token, what its result is, and what is wrong with a result. The
// order is that of the header.
struct put_it {
  using result = data_location;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    return on.store.db.put(asio::buffer(on.text), std::forward<Token>(token));
  }
  static bool good(subject& on, const result& got) {
    return got.size() == on.text.size() && got.checksum == on.known.checksum;
  }
};
struct put_many_it {
  using result = std::vector<data_location>;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    return on.store.db.put_many({asio::buffer(on.text), asio::const_buffer()},
                                std::forward<Token>(token));
  }
  static bool good(subject& on, const result& got) {
    return got.size() == 2 && got[0].size() == on.text.size() && got[1].size() == 0;
  }
};
struct get_it {
  using result = blob;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    return on.store.db.get(on.known, std::forward<Token>(token));
  }
  static bool good(subject& on, const result& got) { return got.text() == on.text; }
};
struct get_slice_it {
  using result = blob;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    return on.store.db.get_slice(on.known, {10, 20}, std::forward<Token>(token));
  }
  static bool good(subject& on, const result& got) { return got.text() == on.text.substr(10, 10); }
};
struct get_into_it {
  using result = std::size_t;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    on.into.assign(on.into.size(), '\0');
    return on.store.db.get_into(on.known, {}, asio::buffer(on.into), std::forward<Token>(token));
  }
  static bool good(subject& on, const result& got) {
    return got == on.text.size() && on.into == on.text;
  }
};
struct sync_it {
  using result = void;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    return on.store.db.sync(std::forward<Token>(token));
  }
};
struct roll_it {
  using result = std::uint32_t;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    return on.store.db.roll(7, std::forward<Token>(token));
  }
  static bool good(subject&, const result& got) { return got >= 7; }
};
struct delete_file_it {
  using result = void;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    return on.store.db.delete_file(on.sealed, std::forward<Token>(token));
  }
};
struct delete_before_it {
  using result = std::size_t;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    return on.store.db.delete_before(on.open_file + 100, std::forward<Token>(token));
  }
  static bool good(subject&, const result& got) { return got == 1; }
};
struct files_it {
  using result = std::vector<file_info>;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    return on.store.db.files(std::forward<Token>(token));
  }
  static bool good(subject& on, const result& got) {
    return got.size() == 2 && got[0].sealed && !got[1].sealed &&
           got[0].plain_bytes == on.text.size();
  }
};
struct verify_it {
  using result = verify_report;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    return on.store.db.verify(on.sealed, std::forward<Token>(token));
  }
  static bool good(subject& on, const result& got) {
    return got.bytes == on.text.size() && got.faults.empty();
  }
};
struct close_it {
  using result = void;
  template <typename Token>
  static auto call(subject& on, Token&& token) {
    return on.store.db.close(std::forward<Token>(token));
  }
};

template <typename Call>
constexpr bool has_result = !std::is_void_v<typename Call::result>;

// Handlers for a result or for none.
template <typename Call>
using outcome_of =
    std::conditional_t<has_result<Call>,
                       outcome<std::conditional_t<has_result<Call>, typename Call::result, int>>,
                       outcome<>>;

template <typename Call>
bool good(subject& on, outcome_of<Call>& got) {
  if (got.calls != 1 || got.error) return false;
  if constexpr (has_result<Call>) return Call::good(on, got.value());
  return true;
}

// From a handler of the context that the call belongs to.
template <typename Call>
void call_on_its_context(subject& on, outcome_of<Call>& got) {
  asio::post(on.store.context, [&] {
    got.initiating = true;
    Call::call(on, got.handler());
    got.initiating = false;
  });
  run_dry(on.store.context);
}

// Which of the two ends first: 0 for the call.
template <typename Result>
asio::awaitable<std::size_t> race(asio::awaitable<Result> call, asio::awaitable<void> timeout) {
  const auto first = co_await (std::move(call) || std::move(timeout));
  co_return first.index();
}

}  // namespace

#define EVERY_CALL                                                                          \
  put_it, put_many_it, get_it, get_slice_it, get_into_it, sync_it, roll_it, delete_file_it, \
      delete_before_it, files_it, verify_it, close_it

TEMPLATE_TEST_CASE("every call can be awaited", "", EVERY_CALL) {
  subject on;
  if constexpr (has_result<TestType>) {
    const auto got = on.store.run(TestType::call(on, asio::use_awaitable));
    CHECK(TestType::good(on, got));
  } else {
    CHECK_FALSE(on.store.error_of(TestType::call(on, asio::use_awaitable)));
  }
}

TEMPLATE_TEST_CASE("every call takes a callback and does not run it inside the call", "",
                   EVERY_CALL) {
  subject on;
  outcome_of<TestType> got;
  TestType::call(on, got.handler());
  CHECK(got.calls == 0);
  run_dry(on.store.context);
  CHECK(good<TestType>(on, got));
}

TEMPLATE_TEST_CASE("every call on a thread of its context runs its callback later", "",
                   EVERY_CALL) {
  subject on;
  outcome_of<TestType> got;
  call_on_its_context<TestType>(on, got);
  CHECK_FALSE(got.called_inside);
  CHECK(good<TestType>(on, got));
}

TEMPLATE_TEST_CASE("every call that fails on a thread of its context runs its callback later", "",
                   EVERY_CALL) {
  subject on;
  on.store.run(on.store.db.close());
  outcome_of<TestType> got;
  call_on_its_context<TestType>(on, got);
  CHECK_FALSE(got.called_inside);
  CHECK(got.error == errc::closed);
}

TEMPLATE_TEST_CASE("every call gives a future", "", EVERY_CALL) {
  subject on;
  auto future = TestType::call(on, asio::use_future);
  CHECK(future.wait_for(0s) == std::future_status::timeout);
  run_dry(on.store.context);
  REQUIRE(future.wait_for(0s) == std::future_status::ready);
  if constexpr (has_result<TestType>) {
    CHECK(TestType::good(on, future.get()));
  } else {
    CHECK_NOTHROW(future.get());
  }
}

TEMPLATE_TEST_CASE("every call of a closed store gives a future with the error", "", EVERY_CALL) {
  subject on;
  on.store.run(on.store.db.close());
  auto future = TestType::call(on, asio::use_future);
  run_dry(on.store.context);
  std::error_code failed;
  try {
    future.get();
  } catch (const std::system_error& error) {
    failed = error.code();
  }
  CHECK(failed == errc::closed);
}

TEMPLATE_TEST_CASE("every call can be awaited as a tuple of error and result", "", EVERY_CALL) {
  subject on;
  const auto got = on.store.run(TestType::call(on, as_tuple(asio::use_awaitable)));
  CHECK_FALSE(std::get<0>(got));
  if constexpr (has_result<TestType>) CHECK(TestType::good(on, std::get<1>(got)));
  on.store.run(on.store.db.close(as_tuple(asio::use_awaitable)));
  CHECK(std::get<0>(on.store.run(TestType::call(on, as_tuple(asio::use_awaitable)))) ==
        errc::closed);
}

TEMPLATE_TEST_CASE("every call can be deferred and does nothing before it is started", "",
                   EVERY_CALL) {
  subject on;
  auto operation = TestType::call(on, deferred);
  CHECK(on.store.context.poll() == 0);
  outcome_of<TestType> got;
  std::move(operation)(got.handler());
  CHECK(got.calls == 0);
  run_dry(on.store.context);
  CHECK(good<TestType>(on, got));
}

TEMPLATE_TEST_CASE("every call takes a cancellation slot and leaves it empty", "", EVERY_CALL) {
  subject on;
  asio::cancellation_signal signal;
  outcome_of<TestType> got;
  TestType::call(on, asio::bind_cancellation_slot(signal.slot(), got.handler()));
  CHECK(signal.slot().has_handler());
  run_dry(on.store.context);
  CHECK(good<TestType>(on, got));
  CHECK_FALSE(signal.slot().has_handler());
  signal.emit(asio::cancellation_type::all);  // reaches nobody
}

TEMPLATE_TEST_CASE("every call wins against a timer that does not fire", "", EVERY_CALL) {
  subject on;
  asio::steady_timer timer(on.store.context, 1h);
  CHECK(on.store.run(race(TestType::call(on, asio::use_awaitable),
                          timer.async_wait(asio::use_awaitable))) == 0);
}

TEMPLATE_TEST_CASE("every call may be beaten by a timer and the store stays usable", "",
                   EVERY_CALL) {
  subject on;
  asio::steady_timer timer(on.store.context, 0s);
  CHECK(on.store.run(race(TestType::call(on, asio::use_awaitable),
                          timer.async_wait(asio::use_awaitable))) <= 1);
  on.store.reopen();
  CHECK(on.store.get(on.store.put("the next")) == "the next");
}

TEST_CASE("the default token of every call is use_awaitable") {
  subject on;
  auto all = [](flat_file_db db, data_location known,
                std::uint32_t sealed) -> asio::awaitable<std::size_t> {
    const std::string text = "default";
    const data_location one = co_await db.put(asio::buffer(text));
    std::vector<asio::const_buffer> list{asio::buffer(text), asio::buffer(text)};
    const std::vector<data_location> two = co_await db.put_many(list);
    std::size_t sum = one.size() + two[0].size() + two[1].size();
    const blob whole = co_await db.get(one);
    const slice part{1, 3};
    const blob some = co_await db.get_slice(known, part);
    std::string into(7, '\0');
    sum += co_await db.get_into(one, slice{}, asio::buffer(into));
    sum += whole.size() + some.size();
    co_await db.sync();
    co_await db.roll();
    const std::vector<file_info> files = co_await db.files();
    sum += files.size();
    const verify_report report = co_await db.verify(sealed);
    sum += report.faults.size();
    co_await db.delete_file(sealed);
    sum += co_await db.delete_before(sealed + 2);
    co_await db.close();
    co_return sum;
  };
  CHECK(on.store.run(all(on.store.db, on.known, on.sealed)) == 21 + 7 + 7 + 2 + 3 + 0 + 1);
}

TEST_CASE("a deferred put may be started more than once") {
  subject on;
  const auto operation = put_it::call(on, deferred);
  outcome<data_location> first;
  outcome<data_location> second;
  operation(first.handler());
  operation(second.handler());
  run_dry(on.store.context);
  REQUIRE(first.well());
  REQUIRE(second.well());
  CHECK(first.value() != second.value());
  CHECK(on.store.get(first.value()) == on.text);
  CHECK(on.store.get(second.value()) == on.text);
}

TEST_CASE("put_many copies the list but not the bytes") {
  subject on;
  outcome<std::vector<data_location>> got;
  {
    std::vector<asio::const_buffer> list{asio::buffer(on.text), asio::buffer(on.text)};
    on.store.db.put_many(list, got.handler());
    list.assign(2, asio::const_buffer());
  }
  run_dry(on.store.context);
  REQUIRE(got.well());
  CHECK(on.store.get(got.value()[1]) == on.text);
}

}  // namespace conduit::test
