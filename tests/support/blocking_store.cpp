#include "support/blocking_store.hpp"

#include <asio/co_spawn.hpp>
#include <stdexcept>

namespace conduit::test {

namespace {

std::error_code code_of(const std::exception_ptr& failure) {
  if (!failure) return {};
  try {
    std::rethrow_exception(failure);
  } catch (const std::system_error& error) {
    return error.code();
  }
}

}  // namespace

blocking_store::blocking_store(const options& how, const detail::environment& around)
    : home_(detail::open_store(*context_, how, around)) {}

blocking_store::~blocking_store() {
  // Pending operations hold the store, so the context goes first where both end here.
  home_.reset();
  context_.reset();
}

void blocking_store::run_once(std::chrono::steady_clock::time_point deadline) {
  context_->restart();
  if (context_->run_one_until(deadline) == 0 && std::chrono::steady_clock::now() >= deadline) {
    throw std::runtime_error("an operation of the store does not end");
  }
}

outcome<std::string> blocking_store::get(data_location location, slice part) {
  auto found = wait(begin_get(location, part));
  return {found.error, std::string(found.value.text())};
}

outcome<std::string> blocking_store::get_in_coroutine(data_location location, slice part) {
  auto state = std::make_shared<std::optional<outcome<std::string>>>();
  auto handler = [state](const std::exception_ptr& failure, blob bytes) {
    state->emplace(outcome<std::string>{code_of(failure), std::string(bytes.text())});
  };
  asio::co_spawn(*context_, detail::inline_get(home_, location, part, asio::use_awaitable),
                 std::move(handler));
  return wait(state);
}

outcome<std::size_t> blocking_store::get_into(data_location location, slice part,
                                              asio::mutable_buffer to) {
  return wait(begin<detail::get_into_call, std::size_t>(location, part, to));
}

outcome<std::uint32_t> blocking_store::roll(std::uint32_t at_least) {
  return wait(begin<detail::plain_call<detail::queued_op::kind::roll>, std::uint32_t>(at_least));
}

outcome<std::size_t> blocking_store::delete_before(std::uint32_t number) {
  return wait(
      begin<detail::plain_call<detail::queued_op::kind::remove_before>, std::size_t>(number));
}

outcome<std::vector<file_info>> blocking_store::files() {
  return wait(begin<detail::files_call, std::vector<file_info>>());
}

outcome<verify_report> blocking_store::verify(std::uint32_t number) {
  return wait(begin<detail::verify_call, verify_report>(number));
}

outcome<recovery_report> blocking_store::examine_file(std::uint32_t number) {
  return wait(begin<detail::examine_call, recovery_report>(number));
}

outcome<recovery_report> blocking_store::recover_file(std::uint32_t number) {
  return wait(begin<detail::plain_call<detail::queued_op::kind::recover>, recovery_report>(number));
}

std::error_code blocking_store::sync() { return wait(begin_sync()).error; }

std::error_code blocking_store::delete_file(std::uint32_t number) {
  return wait(begin_delete(number)).error;
}

std::error_code blocking_store::close() {
  return wait(begin_plain<detail::queued_op::kind::close>()).error;
}

blocking_store::pending<std::vector<data_location>> blocking_store::begin_put_many(
    const std::vector<std::string>& blobs) {
  detail::blob_list list;
  for (const std::string& one : blobs) list.add(asio::const_buffer(asio::buffer(one)));
  return begin<detail::put_many_call, std::vector<data_location>>(list);
}

blocking_store::pending<blocking_store::nothing> blocking_store::begin_sync() {
  return begin_plain<detail::queued_op::kind::sync>();
}

blocking_store::pending<blocking_store::nothing> blocking_store::begin_delete(
    std::uint32_t number) {
  return begin_plain<detail::queued_op::kind::remove>(number);
}

template <detail::queued_op::kind Kind>
blocking_store::pending<blocking_store::nothing> blocking_store::begin_plain(
    std::uint32_t argument) {
  auto state = std::make_shared<std::optional<outcome<nothing>>>();
  auto handler = [state](std::error_code error) { state->emplace(outcome<nothing>{error, {}}); };
  asio::async_initiate<decltype(handler), void(std::error_code)>(
      detail::initiation<detail::plain_call<Kind>>(home_), handler, argument);
  return state;
}

}  // namespace conduit::test
