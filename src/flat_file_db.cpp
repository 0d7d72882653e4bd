// The handle. Everything asynchronous starts in the templates of its header; opening, binding and
// counting are here.
#include <conduit/flat_file_db.hpp>

#include <new>

#include "store/binding.hpp"
#include "store_opening.hpp"

namespace conduit::detail {

namespace {

// Shared by all handles of a store. A read-only store has nothing to abandon.
std::shared_ptr<void> life_of(const binding& home) {
  if (!home.home_writer) return nullptr;
  return {nullptr,
          [state = home.state, writer = home.home_writer, sealer = home.home_sealer](void*) {
            if (state->forked()) return;  // pending operations are the parent's
            writer->abandon();
            sealer->abandon();
          }};
}

}  // namespace

store_handle open_handle(asio::io_context& context, const options& how, bool asio_is_shared) {
  if (!asio_is_shared) throw std::system_error(errc::hidden_asio);
  auto home = open_store(context, how);
  auto life = life_of(*home);
  return {std::move(home), std::move(life)};
}

store_handle open_handle(asio::io_context& context, const options& how, bool asio_is_shared,
                         std::error_code& error) {
  error.clear();
  try {
    return open_handle(context, how, asio_is_shared);
  } catch (const std::system_error& failure) {
    error = failure.code();
  } catch (const std::bad_alloc&) {
    error = std::make_error_code(std::errc::not_enough_memory);
  }
  return {};
}

store_handle bind_handle(const store_handle& known, asio::io_context& context) {
  return {bind_store(*known.where, context), known.life};
}

store_stats stats_of(const binding& where) {
  store_stats sum;
  if (where.state->forked()) return sum;
  where.state->count_reads(sum);
  if (where.home_writer) where.home_writer->add_to(sum);
  if (where.home_sealer) where.home_sealer->add_to(sum);
  sum.backend = where.chosen_backend;
  sum.backend_reason = where.backend_reason;
  return sum;
}

compression_report compression_of(const binding& where) {
  return where.state->forked() ? compression_report() : where.state->compressed.report();
}

}  // namespace conduit::detail
