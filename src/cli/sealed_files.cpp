#include "cli/sealed_files.hpp"

#include <asio/use_awaitable.hpp>
#include <conduit/detail/asio_compat.hpp>
#include <conduit/error.hpp>

#include "cli/console.hpp"

namespace conduit::cli {

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
