// A store for tests that read like a list of steps: each call runs the store's own io_context until
// it has ended. Something else may stand in the place of disk and boot id. Several of them on one
// directory behave like several processes: locks are taken by open file description.
#pragma once

#include <asio/async_result.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <conduit/detail/op.hpp>
#include <conduit/flat_file_db.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store_opening.hpp"

namespace conduit::test {

template <typename Value>
struct outcome {
  std::error_code error;
  Value value{};
};

class blocking_store {
 public:
  template <typename Value>
  using pending = std::shared_ptr<std::optional<outcome<Value>>>;
  struct nothing {};

  // Throws what opening throws.
  explicit blocking_store(const options& how, const detail::environment& around = {});
  blocking_store(const blocking_store&) = delete;
  blocking_store& operator=(const blocking_store&) = delete;
  ~blocking_store();

  outcome<data_location> put(std::string_view bytes) { return wait(begin_put(bytes)); }
  outcome<std::vector<data_location>> put_many(const std::vector<std::string>& blobs) {
    return wait(begin_put_many(blobs));
  }
  // The ordinary way of every completion token, and the fast one of coroutines.
  outcome<std::string> get(data_location location, slice part = {});
  outcome<std::string> get_in_coroutine(data_location location, slice part = {});
  outcome<std::size_t> get_into(data_location location, slice part, asio::mutable_buffer to);
  outcome<std::uint32_t> roll(std::uint32_t at_least = 0);
  outcome<std::size_t> delete_before(std::uint32_t number);
  outcome<std::vector<file_info>> files();
  outcome<verify_report> verify(std::uint32_t number);
  outcome<recovery_report> examine_file(std::uint32_t number);
  outcome<recovery_report> recover_file(std::uint32_t number);
  outcome<file_compression> compress_file(std::uint32_t number) {
    return wait(begin_compression(number));
  }
  std::error_code sync();
  std::error_code delete_file(std::uint32_t number);
  std::error_code close();

  // Begun but not waited for: the bytes must live until the end.
  pending<data_location> begin_put(std::string_view bytes) {
    return begin<detail::put_call, data_location>(asio::buffer(bytes));
  }
  pending<std::vector<data_location>> begin_put_many(const std::vector<std::string>& blobs);
  pending<blob> begin_get(data_location location, slice part = {}) {
    return begin<detail::get_call, blob>(location, part);
  }
  pending<file_compression> begin_compression(std::uint32_t number) {
    return begin<detail::compress_call, file_compression>(number);
  }
  pending<nothing> begin_sync();
  pending<nothing> begin_delete(std::uint32_t number);

  template <typename Value>
  outcome<Value> wait(const pending<Value>& operation) {
    run_until([&] { return operation->has_value(); });
    return std::move(**operation);
  }

  asio::io_context& context() noexcept { return *context_; }
  const detail::binding& home() const noexcept { return *home_; }

 private:
  template <typename Call, typename Value, typename... Arguments>
  pending<Value> begin(const Arguments&... given) {
    auto state = std::make_shared<std::optional<outcome<Value>>>();
    auto handler = [state](std::error_code error, Value value) {
      state->emplace(outcome<Value>{error, std::move(value)});
    };
    asio::async_initiate<decltype(handler), void(std::error_code, Value)>(
        detail::initiation<Call>(home_), handler, given...);
    return state;
  }
  template <detail::queued_op::kind Kind>
  pending<nothing> begin_plain(std::uint32_t argument = 0);

  // Throws where nothing has come after a time that no working disk needs.
  template <typename Condition>
  void run_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) run_once(deadline);
  }
  void run_once(std::chrono::steady_clock::time_point deadline);

  static constexpr std::chrono::seconds patience{60};
  std::unique_ptr<asio::io_context> context_ = std::make_unique<asio::io_context>();
  std::shared_ptr<detail::binding> home_;
};

}  // namespace conduit::test
