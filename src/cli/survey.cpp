#include "cli/survey.hpp"

#include <asio/use_awaitable.hpp>
#include <conduit/detail/asio_compat.hpp>
#include <conduit/error.hpp>
#include <fmt/format.h>

#include "cli/console.hpp"

namespace conduit::cli {

asio::awaitable<survey> survey_files(flat_file_db db) {
  const std::vector<file_info> files = co_await db.files();
  progress shown("data files", files.size());
  survey all;
  for (const file_info& file : files) {
    const auto [error, report] =
        co_await db.verify(file.number, detail::as_tuple(asio::use_awaitable));
    shown.advance();
    if (error == errc::no_such_file) continue;  // deleted since the directory was read
    ++all.files;
    all.bytes += report.bytes;
    all.frames += report.frames;
    all.faults.insert(all.faults.end(), report.faults.begin(), report.faults.end());
    if (error) {
      verify_fault whole_file;
      whole_file.file = file.number;
      whole_file.error = error;
      all.faults.push_back(whole_file);
    }
  }
  co_return all;
}

std::string sentence_of(const verify_fault& fault) {
  return fmt::format("data file {}, frame {}, offset {}: {}", fault.file, fault.frame, fault.offset,
                     fault.error.message());
}

}  // namespace conduit::cli
