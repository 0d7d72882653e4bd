// The handle: everything asynchronous starts in the templates of its header; what is left is opening, binding and counting.
#include <conduit/flat_file_db.hpp>

#include <new>

#include "files/binding.hpp"
#include "put/writer.hpp"
#include "store_opening.hpp"
#include "upkeep/sealer.hpp"

namespace conduit {

namespace {

// Shared by all handles of a store. A read-only store has nothing to abandon.
std::shared_ptr<void> life_of(const detail::binding& home) {
  if (!home.home_writer) return nullptr;
  return {nullptr, [state = home.state, writer = home.home_writer, sealer = home.home_sealer](void*) {
            if (state->forked()) return;  // what is pending is the parent's
            writer->abandon();
            sealer->abandon();
          }};
}

}  // namespace

flat_file_db flat_file_db::open(asio::io_context& context, const options& how) {
  auto home = detail::open_store(context, how);
  auto life = life_of(*home);
  return {std::move(home), std::move(life)};
}

flat_file_db flat_file_db::open(asio::io_context& context, const options& how, std::error_code& error) {
  error.clear();
  try {
    return open(context, how);
  } catch (const std::system_error& failure) {
    error = failure.code();
  } catch (const std::bad_alloc&) {
    error = std::make_error_code(std::errc::not_enough_memory);
  }
  return {};
}

flat_file_db flat_file_db::bind(asio::io_context& context) const { return {detail::bind_store(*binding_, context), life_}; }

store_stats flat_file_db::stats() const {
  store_stats sum;
  if (binding_->state->forked()) return sum;
  binding_->state->count_reads(sum);
  if (binding_->home_writer) binding_->home_writer->add_to(sum);
  if (binding_->home_sealer) binding_->home_sealer->add_to(sum);
  sum.backend = binding_->chosen_backend;
  sum.backend_reason = binding_->backend_reason;
  return sum;
}

compression_report flat_file_db::compression() const {
  return binding_->state->forked() ? compression_report() : binding_->state->compressed.report();
}

}  // namespace conduit
