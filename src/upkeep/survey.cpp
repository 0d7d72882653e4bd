// Calls that only read: they list the files, and check whether a file can be read to its end. They
// run on threads of their own.
#include <conduit/detail/operations.hpp>
#include <conduit/error.hpp>

#include <cerrno>
#include <new>

#include "base/os_error.hpp"
#include "files/directory.hpp"
#include "files/torn_tail.hpp"
#include "store/binding.hpp"
#include "upkeep/file_check.hpp"

namespace conduit::detail {

namespace {

std::error_code list_store(binding& where, std::vector<file_info>& found) {
  files::listing files;
  const int directory = where.state->directory.get();
  std::int64_t result = files::list_files(*where.disk, directory, files);
  if (result < 0) return os_error(result);
  for (files::file_id file : files.files) {
    // Both forms of a number are one file. The plain one is read, unless it is empty.
    const bool second = !found.empty() && found.back().number == file.number;
    if (second && found.back().plain_bytes != 0) continue;
    if (second) found.pop_back();
    io::file_status status;
    result = where.disk->status_at(directory, files::file_name(file).c_str(), status);
    if (result == -ENOENT && file.form == file_form::plain) {
      // It may have been compressed since the listing.
      file.form = file_form::zstd;
      result = where.disk->status_at(directory, files::file_name(file).c_str(), status);
    }
    if (result == -ENOENT) continue;  // deleted since the listing
    if (result < 0) return os_error(result);
    if (!status.regular) {
      where.state->notify(event::kind::foreign_object,
                          files::file_name(file).text() + " is no regular file; it is passed over",
                          file.number);
      continue;
    }
    std::uint64_t plain_bytes = status.size;
    if (file.form == file_form::zstd) {
      const std::error_code error = measure_frames(where, file, plain_bytes);
      if (error) return error;
    }
    found.push_back({file.number, file.form, true, plain_bytes, status.size});
  }
  // The highest number is the mutable one.
  if (!found.empty()) {
    const std::uint32_t highest = found.back().number;
    for (file_info& file : found) file.sealed = file.number != highest;
  }
  return {};
}

std::error_code check_file(binding& where, std::uint32_t number, const std::atomic<bool>& abandoned,
                           verify_report& report) {
  std::error_code error;
  const auto file = where.files.open(number, false, open_effort::may_compare, error);
  if (!file && error == errc::corrupt)
    report.faults.push_back({number, 0, 0, error});  // both forms exist, and they differ
  if (!file) return report.faults.empty() ? error : std::error_code{};
  const auto check = file->id.form == file_form::plain ? check_plain_file : check_compressed_file;
  return check(where, *file, abandoned, report);
}

std::error_code examine_file(binding& where, std::uint32_t number, recovery_report& report) {
  std::error_code error;
  const auto file = where.files.open(number, false, open_effort::may_compare, error);
  if (!file || file->id.form == file_form::plain) return error;
  files::examined_file found;
  error =
      look_at_what_is_mended([&] { return files::examine_file(*where.disk, file->fd(), found); });
  if (!error) report = files::report_of(found);
  return error;
}

}  // namespace

void survey_op::start() {
  if (owner->port.ended()) return end(finish::destroy);
  error = owner->state->admit();
  if (error) return end(finish::immediate);
  binding* const where = owner.get();
  where->port.send_away(*this);
  const std::error_code refused = where->state->helpers.post_survey([this, where] {
    try {
      switch (what) {
        case kind::files:
          error = list_store(*where, found);
          break;
        case kind::verify:
          error = check_file(*where, number, abandoned, report);
          break;
        case kind::examine:
          error = examine_file(*where, number, recovery);
          break;
      }
    } catch (const std::bad_alloc&) {
      error = std::make_error_code(std::errc::not_enough_memory);
    }
    where->port.deliver(*this);
  });
  if (!refused) return;
  where->port.take_back(*this);
  error = refused;
  end(finish::immediate);
}

void survey_op::complete() { end(finish::dispatch); }

void survey_op::drop() noexcept { end(finish::destroy); }

}  // namespace conduit::detail
