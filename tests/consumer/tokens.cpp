// Every kind of completion token and handler, with the Asio that this is compiled with: each puts,
// gets, and is told of a file that is missing. Prints a line for each; what this Asio does not have
// is named.
#include <asio/bind_allocator.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/co_spawn.hpp>
#include <asio/experimental/co_spawn.hpp>
#include <asio/experimental/coro.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/experimental/use_coro.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <conduit/flat_file_db.hpp>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#if __has_include(<asio/any_completion_handler.hpp>)
#include <asio/any_completion_handler.hpp>
#define HAS_ANY_COMPLETION_HANDLER
#endif
#if __has_include(<asio/inline_executor.hpp>)
#include <asio/inline_executor.hpp>
#define HAS_INLINE_EXECUTOR
#endif
#if __has_include(<asio/bind_immediate_executor.hpp>)
#include <asio/bind_immediate_executor.hpp>
#include <asio/system_executor.hpp>
#define HAS_IMMEDIATE_EXECUTOR
#endif
#if __has_include(<asio/cancel_after.hpp>)
#include <asio/cancel_after.hpp>
#define HAS_CANCEL_AFTER
#endif
#if __has_include(<asio/as_tuple.hpp>)
#include <asio/as_tuple.hpp>
#include <asio/deferred.hpp>
namespace tokens = asio;
#else
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
namespace tokens = asio::experimental;
#endif

namespace {

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(what);
}

const std::string text = "a blob of a consumer";

struct subject {
  asio::io_context context;
  conduit::flat_file_db db;
  conduit::data_location known;
  conduit::data_location missing;

  explicit subject(const conduit::options& how) : db(conduit::flat_file_db::open(context, how)) {
    auto put = db.put(asio::buffer(text), asio::use_future);
    run();
    known = put.get();
    missing = known;
    missing.file_number += 100;
  }
  void run() {
    context.restart();
    context.run();
  }
};

// What handlers of gets were told.
struct ends {
  int well = 0;
  int missing = 0;

  auto handler() {
    return [this](std::error_code error, const conduit::blob& bytes) {
      if (!error && bytes.text() == text) ++well;
      if (error == conduit::errc::no_such_file && bytes.empty()) ++missing;
    };
  }
};

// Gets with handlers that `wrap` makes out of plain ones.
template <typename Wrap>
void with_handlers(subject& on, Wrap wrap) {
  ends told;
  on.db.get(on.known, wrap(told.handler()));
  on.db.get(on.missing, wrap(told.handler()));
  on.db.get_slice(on.known, {5, 4}, wrap([](std::error_code error, const conduit::blob&) {
                    require(error == conduit::errc::out_of_range, "a bad slice");
                  }));
  require(told.well == 0 && told.missing == 0, "a handler ran inside its initiation");
  on.run();
  require(told.well == 1 && told.missing == 1, "the handlers were told something else");
}

void callback(subject& on) {
  with_handlers(on, [](auto handler) { return handler; });
}

void future(subject& on) {
  auto get = on.db.get(on.known, asio::use_future);
  auto none = on.db.get(on.missing, asio::use_future);
  on.run();
  require(get.get().text() == text, "other bytes");
  try {
    none.get();
  } catch (const std::system_error& error) {
    require(error.code() == conduit::errc::no_such_file, "another error");
    return;
  }
  throw std::runtime_error("a missing file was read");
}

void deferred(subject& on) {
  auto get = on.db.get(on.known, tokens::deferred);
  ends told;
  std::move(get)(told.handler());
  on.run();
  require(told.well == 1, "other bytes");
}

// Runs a coroutine to its end.
template <typename Executor>
void run_awaitable(subject& on, Executor executor, asio::awaitable<void, Executor> work) {
  std::exception_ptr failure;
  bool ended = false;
  asio::co_spawn(executor, std::move(work), [&](std::exception_ptr thrown) {
    failure = thrown;
    ended = true;
  });
  on.run();
  if (failure) std::rethrow_exception(failure);
  require(ended, "the coroutine did not end");
}

asio::awaitable<void> await_tuples(subject& on) {
  const auto [error, bytes] = co_await on.db.get(on.known, tokens::as_tuple(asio::use_awaitable));
  require(!error && bytes.text() == text, "other bytes");
  const auto [none, nothing] =
      co_await on.db.get(on.missing, tokens::as_tuple(asio::use_awaitable));
  require(none == conduit::errc::no_such_file, "another error");
  const auto [failed, where] =
      co_await on.db.put(asio::buffer(text), tokens::as_tuple(asio::use_awaitable));
  require(!failed && where.size() == text.size(), "a failed put");
}
void as_tuple(subject& on) {
  run_awaitable<asio::any_io_executor>(on, on.context.get_executor(), await_tuples(on));
}

asio::awaitable<void> await_redirected(subject& on) {
  std::error_code error;
  const auto bytes = co_await on.db.get(on.known, asio::redirect_error(asio::use_awaitable, error));
  require(!error && bytes.text() == text, "other bytes");
  co_await on.db.get(on.missing, asio::redirect_error(asio::use_awaitable, error));
  require(error == conduit::errc::no_such_file, "another error");
}
void redirect_error(subject& on) {
  run_awaitable<asio::any_io_executor>(on, on.context.get_executor(), await_redirected(on));
}

using own_executor = asio::io_context::executor_type;
using typed_db = asio::use_awaitable_t<own_executor>::as_default_on_t<conduit::flat_file_db>;

asio::awaitable<void, own_executor> await_typed(typed_db db, conduit::data_location known) {
  const auto bytes = co_await db.get(known);
  require(bytes.text() == text, "other bytes");
  const auto where = co_await db.put(asio::buffer(text));
  const auto rolled = co_await db.roll();
  require(where.size() == text.size() && rolled > where.file_number, "a bad put");
  co_await db.sync();
}
void typed_awaitable(subject& on) {
  auto typed = asio::use_awaitable_t<own_executor>::as_default_on(on.db);
  run_awaitable<own_executor>(on, on.context.get_executor(), await_typed(typed, on.known));
}

asio::experimental::coro<void, void> run_in_coro(own_executor, subject& on) {
  const auto bytes = co_await on.db.get(on.known, asio::experimental::use_coro);
  require(bytes.text() == text, "other bytes");
}
void coro(subject& on) {
  std::exception_ptr failure;
  bool ended = false;
  asio::experimental::co_spawn(run_in_coro(on.context.get_executor(), on),
                               [&](std::exception_ptr thrown) {
                                 failure = thrown;
                                 ended = true;
                               });
  on.run();
  if (failure) std::rethrow_exception(failure);
  require(ended, "the coroutine did not end");
}

void bound_executor(subject& on) {
  auto strand = asio::make_strand(on.context);
  with_handlers(on, [&](auto handler) { return asio::bind_executor(strand, handler); });
  asio::thread_pool pool(1);
  std::atomic<int> well{0};
  on.db.get(on.known,
            asio::bind_executor(pool, [&](std::error_code error, const conduit::blob& bytes) {
              require(pool.get_executor().running_in_this_thread(),
                      "a handler on another executor than its own");
              if (!error && bytes.text() == text) ++well;
            }));
  on.run();
  pool.join();
  require(well == 1, "other bytes");
}

// Counts what it gave out and has not got back.
template <typename T>
struct counting_allocator {
  using value_type = T;
  explicit counting_allocator(int& to) : count(&to) {}
  template <typename Other>
  counting_allocator(const counting_allocator<Other>& other) : count(other.count) {}
  T* allocate(std::size_t n) {
    ++*count;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* memory, std::size_t n) {
    --*count;
    std::allocator<T>().deallocate(memory, n);
  }
  template <typename Other>
  bool operator==(const counting_allocator<Other>& other) const {
    return count == other.count;
  }
  int* count;
};

void bound_allocator(subject& on) {
  int out = 0;
  with_handlers(on, [&](auto handler) {
    return asio::bind_allocator(counting_allocator<char>(out), handler);
  });
  require(out == 0, "memory was not given back");
}

void bound_slot(subject& on) {
  std::vector<std::unique_ptr<asio::cancellation_signal>> signals;
  with_handlers(on, [&](auto handler) {
    signals.push_back(std::make_unique<asio::cancellation_signal>());
    return asio::bind_cancellation_slot(signals.back()->slot(), handler);
  });
  for (const auto& signal : signals)
    require(!signal->slot().has_handler(), "a slot was left in use");
}

#ifdef HAS_ANY_COMPLETION_HANDLER
void any_completion_handler(subject& on) {
  with_handlers(on, [](auto handler) {
    return asio::any_completion_handler<void(std::error_code, conduit::blob)>(handler);
  });
}
#endif

#ifdef HAS_INLINE_EXECUTOR
void inline_executor(subject& on) {
  with_handlers(on,
                [](auto handler) { return asio::bind_executor(asio::inline_executor(), handler); });
}
#endif

#ifdef HAS_IMMEDIATE_EXECUTOR
void immediate_executor(subject& on) {
  ends told;
  bool inside = false;
  asio::post(on.context, [&] {
    on.db.get(on.missing, asio::bind_immediate_executor(asio::system_executor(), told.handler()));
    inside = told.missing == 1;
  });
  on.run();
  require(inside, "a handler with an immediate executor ran later");
}
#endif

#ifdef HAS_CANCEL_AFTER
void cancel_after(subject& on) {
  ends told;
  on.db.get(on.known, asio::cancel_after(std::chrono::minutes(1), told.handler()));
  on.run();
  require(told.well == 1, "other bytes");
}
#endif

#ifdef HAS_ANY_COMPLETION_HANDLER  // both came with 1.28 or shortly before
#define HAS_RANGED_PARALLEL_GROUP
void ranged_parallel_group(subject& on) {
  std::vector<decltype(on.db.get(on.known, tokens::deferred))> gets;
  for (int i = 0; i < 10; ++i)
    gets.push_back(on.db.get(i == 7 ? on.missing : on.known, tokens::deferred));
  ends told;
  asio::experimental::make_parallel_group(gets).async_wait(
      asio::experimental::wait_for_all(),
      [&](const std::vector<std::size_t>&, const std::vector<std::error_code>& errors,
          const std::vector<conduit::blob>& blobs) {
        for (std::size_t i = 0; i < errors.size(); ++i) told.handler()(errors[i], blobs[i]);
      });
  on.run();
  require(told.well == 9 && told.missing == 1, "other bytes");
}
#endif

asio::awaitable<void> put_parts(subject& on) {
  const std::string head = text.substr(0, 5);
  const std::string body = text.substr(5);
  const std::vector<asio::const_buffer> parts{asio::buffer(head), asio::buffer(body)};
  const auto where = co_await on.db.put(parts);
  const auto back = co_await on.db.get(where);
  require(back.text() == text, "other bytes");
}
void buffer_sequence(subject& on) {
  run_awaitable<asio::any_io_executor>(on, on.context.get_executor(), put_parts(on));
}

struct row {
  const char* name;
  void (*run)(subject&);  // null where this Asio has nothing of that name
};

#ifndef HAS_ANY_COMPLETION_HANDLER
constexpr void (*any_completion_handler)(subject&) = nullptr;
#endif
#ifndef HAS_INLINE_EXECUTOR
constexpr void (*inline_executor)(subject&) = nullptr;
#endif
#ifndef HAS_IMMEDIATE_EXECUTOR
constexpr void (*immediate_executor)(subject&) = nullptr;
#endif
#ifndef HAS_CANCEL_AFTER
constexpr void (*cancel_after)(subject&) = nullptr;
#endif
#ifndef HAS_RANGED_PARALLEL_GROUP
constexpr void (*ranged_parallel_group)(subject&) = nullptr;
#endif

constexpr row rows[] = {{"callback", callback},
                        {"future", future},
                        {"deferred", deferred},
                        {"as_tuple", as_tuple},
                        {"redirect_error", redirect_error},
                        {"any_completion_handler", any_completion_handler},
                        {"inline_executor", inline_executor},
                        {"immediate executor", immediate_executor},
                        {"ranged parallel_group", ranged_parallel_group},
                        {"coro", coro},
                        {"bound executor", bound_executor},
                        {"bound allocator", bound_allocator},
                        {"bound slot", bound_slot},
                        {"cancel_after", cancel_after},
                        {"typed awaitable", typed_awaitable},
                        {"buffer sequence", buffer_sequence}};

std::string outcome_of(const row& one, subject& on) {
  if (one.run == nullptr) return "not in this Asio";
  try {
    one.run(on);
    return "well";
  } catch (const std::exception& failure) {
    return std::string("FAILED: ") + failure.what();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tokens DIRECTORY\n";
    return 2;
  }
  int failures = 0;
  for (const auto backend : {conduit::backend::automatic, conduit::backend::threads}) {
    const conduit::options how{.data_directory = argv[1], .backend = backend};
    subject on(how);
    std::cout << "Asio " << ASIO_VERSION / 100000 << '.' << ASIO_VERSION / 100 % 1000 << '.'
              << ASIO_VERSION % 100 << " on "
              << (on.db.stats().backend == conduit::backend::io_uring ? "io_uring" : "threads")
              << '\n';
    for (const row& one : rows) {
      const std::string outcome = outcome_of(one, on);
      if (outcome.starts_with("FAILED")) ++failures;
      std::cout << "  " << one.name << ": " << outcome << '\n';
    }
  }
  return failures == 0 ? 0 : 1;
}
