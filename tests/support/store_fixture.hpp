// A store in a directory of its own, with the backend under test and an io_context that runs only
// while a test asks for something. The calls here are for the lines of a test that are not its
// subject; the subject goes through `db` and `run`.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <conduit/flat_file_db.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "support/backend.hpp"
#include "support/bytes.hpp"
#include "support/run_loop.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

// For a store in `<directory>/store`, with the backend under test.
options options_in(const temporary_directory& directory);

class store_fixture {
 public:
  using change = std::function<void(options&)>;

  // Opens (and creates) the store, with the options that `adjust` leaves.
  explicit store_fixture(const change& adjust = {});

  temporary_directory directory;
  options how;
  asio::io_context context;
  flat_file_db db;

  template <typename Result>
  Result run(asio::awaitable<Result> task) {
    return test::run(context, std::move(task));
  }
  template <typename Result>
  std::error_code error_of(asio::awaitable<Result> task) {
    return test::error_of(context, std::move(task));
  }

  data_location put(std::string_view bytes);
  std::string get(const data_location& location);
  std::uint32_t roll(std::uint32_t at_least = 0);
  std::vector<file_info> files();

  // Drops the handle and opens the store anew, as the next process would.
  void reopen(const change& adjust = {});

  std::filesystem::path lock_path() const;
  std::filesystem::path data_path(std::uint32_t number) const;  // of a plain file
};

// The store opened once more, as another process would: a handle with a context of its own.
struct second_opening {
  explicit second_opening(const store_fixture& first, const store_fixture::change& adjust = {});

  asio::io_context context;
  flat_file_db db;
};

// One string a blob, as `put_many` wants it.
std::vector<asio::const_buffer> buffers(const std::vector<std::string>& blobs);

}  // namespace conduit::test
