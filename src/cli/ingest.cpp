#include "cli/ingest.hpp"

#include <algorithm>
#include <asio/awaitable.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/detail/asio_compat.hpp>
#include <memory>
#include <vector>

#include "cli/byte_budget.hpp"
#include "cli/exit_status.hpp"
#include "cli/terminal_stop.hpp"

namespace conduit::cli {
namespace {

asio::awaitable<void> ingest_some(const event_loops& loops, flat_file_db db, byte_budget& budget,
                                  const ingest_job& job) {
  while (!loops.stopping()) {
    const std::optional<source_file> file = job.next();
    if (!file) break;
    const byte_budget::share held = co_await budget.take(file->size);
    std::error_code error;
    const source_bytes bytes = read_to_end(file->fd.get(), file->size, error);
    if (error) {
      job.unreadable(*file, error);
      continue;
    }
    const auto [put_error, location] =
        co_await db.put(bytes.buffer(), detail::as_tuple(asio::use_awaitable));
    if (put_error) throw failure(file->path, put_error);
    job.stored(*file, location);
  }
}

}  // namespace

void ingest(event_loops& loops, const flat_file_db& db, const ingest_job& job) {
  const std::vector<flat_file_db> handles = loops.handles(db);
  std::vector<std::unique_ptr<byte_budget>> budgets;
  for (unsigned i = 0; i < loops.size(); ++i) {
    budgets.push_back(
        std::make_unique<byte_budget>(loops.at(i), job.bytes_at_a_time / loops.size()));
  }
  const terminal_stop stops(db);
  loops.run(std::max(job.files_at_a_time, loops.size()), [&](unsigned index) {
    const unsigned loop = index % loops.size();
    return ingest_some(loops, handles[loop], *budgets[loop], job);
  });
}

}  // namespace conduit::cli
