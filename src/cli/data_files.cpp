#include "cli/data_files.hpp"

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

// ---- compression

asio::awaitable<void> compress_files(flat_file_db db, std::vector<std::uint32_t> numbers,
                                     compression_listener done) {
  progress shown("data files compressed", numbers.size());
  for (const std::uint32_t number : numbers) {
    const file_compression one = co_await db.compress_file(number);
    done(one);
    shown.advance();
  }
}

asio::awaitable<void> compress_sealed_files(flat_file_db db, compression_listener done) {
  const std::vector<file_info> files = co_await db.files();
  progress shown("data files looked at", files.size());
  for (const file_info& file : files) {
    shown.advance();
    if (!file.sealed || file.form != file_form::plain) continue;
    const auto [error, one] =
        co_await db.compress_file(file.number, detail::as_tuple(asio::use_awaitable));
    if (error == errc::no_such_file) continue;
    if (error) throw std::system_error(error, "data file " + std::to_string(file.number));
    done(one);
  }
}

}  // namespace conduit::cli
