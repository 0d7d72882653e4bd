// Calls that only look: which files there are, and whether a file can be read to its end. They run on a helper thread.
#include <conduit/detail/operations.hpp>
#include <conduit/error.hpp>

#include <algorithm>
#include <asio/error.hpp>
#include <cerrno>
#include <memory>
#include <optional>

#include "base/os_error.hpp"
#include "files/binding.hpp"
#include "files/directory.hpp"

namespace conduit::detail {

namespace {

constexpr std::size_t read_bytes = 1U << 20;

std::error_code list_store(binding& where, std::vector<file_info>& found) {
  files::listing files;
  const int directory = where.state->directory.get();
  std::int64_t result = files::list_files(*where.disk, directory, files);
  if (result < 0) return os_error(result);
  for (const files::file_id& file : files.files) {
    io::file_status status;
    result = where.disk->status_at(directory, files::file_name(file).c_str(), status);
    if (result == -ENOENT) continue;  // deleted since the listing
    if (result < 0) return os_error(result);
    if (!status.regular) {
      where.state->notify(event::kind::foreign_object, files::file_name(file).text() + " is no regular file; it is passed over",
                          file.number);
      continue;
    }
    found.push_back({file.number, file.form, true, status.size, status.size});
  }
  // The highest number is the mutable one.
  if (!found.empty()) {
    const std::uint32_t highest = found.back().number;
    for (file_info& file : found) file.sealed = file.number != highest;
  }
  return {};
}

std::error_code read_to_the_end(binding& where, std::uint32_t number, const std::atomic<bool>& abandoned, verify_report& report) {
  std::error_code error;
  const auto file = where.files.open(number, false, io::open_patience::may_block, error);
  if (!file) return error;
  io::file_status status;
  const std::int64_t known = where.disk->status(file->fd(), status);
  if (known < 0) return os_error(known);
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(read_bytes);
  unsigned retries = 0;
  while (report.bytes < status.size) {
    if (abandoned.load(std::memory_order_relaxed)) return asio::error::operation_aborted;
    const std::size_t wanted = std::min<std::uint64_t>(read_bytes, status.size - report.bytes);
    const std::int64_t count = where.disk->read(file->fd(), memory.get(), wanted, report.bytes);
    if (is_transient(count) && ++retries <= transient_retries_max) continue;
    if (count <= 0) {
      report.faults.push_back({number, 0, report.bytes, count == 0 ? make_error_code(errc::corrupt) : os_error(count)});
      return {};
    }
    retries = 0;
    report.bytes += static_cast<std::uint64_t>(count);
  }
  return {};
}

}  // namespace

void survey_op::start() {
  error = owner->state->admit();
  if (error) return end(finish::post);
  owner->port.send_away(*this);
  owner->state->helpers.post([this, where = owner.get()] {
    try {
      error = what == kind::files ? list_store(*where, found) : read_to_the_end(*where, number, abandoned, report);
    } catch (const std::bad_alloc&) {
      error = std::make_error_code(std::errc::not_enough_memory);
    }
    where->port.deliver(*this);
  });
}

void survey_op::complete() { end(finish::dispatch); }

void survey_op::drop() noexcept { end(finish::destroy); }

}  // namespace conduit::detail
