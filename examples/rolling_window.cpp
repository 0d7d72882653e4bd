// A rolling window: only the newest data files are kept, and old blobs go with their files.
#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_future.hpp>
#include <conduit/flat_file_db.hpp>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr std::uint64_t file_size = 1U << 20;
constexpr std::uint32_t files_kept = 4;

asio::awaitable<void> keep_the_newest(conduit::flat_file_db db) {
  const std::string record(64U << 10, 'r');
  const conduit::data_location first = co_await db.put(asio::buffer(record));
  conduit::data_location newest = first;
  std::size_t removed = 0;
  for (int i = 0; i < 200; ++i) {
    const conduit::data_location location = co_await db.put(asio::buffer(record));
    if (location.file_number != newest.file_number && location.file_number >= files_kept) {
      // A new file was begun: one at the other end may go. An index has to forget its locations
      // first.
      removed += co_await db.delete_before(location.file_number - files_kept + 1);
    }
    newest = location;
  }

  const std::vector<conduit::file_info> files = co_await db.files();
  std::cout << "kept data files " << files.front().number << " to " << files.back().number
            << ", removed " << removed << '\n';
  if (files.size() != files_kept || files.back().number != newest.file_number)
    throw std::runtime_error("the window has another size");

  const conduit::blob back = co_await db.get(newest);
  if (back.text() != record) throw std::runtime_error("read something else than was stored");
  std::error_code error;
  co_await db.get(first, asio::redirect_error(asio::use_awaitable, error));
  if (error != conduit::errc::no_such_file)
    throw std::runtime_error("the oldest blob should be gone");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: example_rolling_window SCRATCH_DIR");
  conduit::options how(std::filesystem::path(argv[1]) / "blobs");
  how.max_file_size = file_size;
  asio::io_context context;
  auto done = asio::co_spawn(context, keep_the_newest(conduit::flat_file_db::open(context, how)),
                             asio::use_future);
  context.run();
  done.get();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
