// Compression in the background: puts run at the speed of a plain store, and each data file is
// compressed once it is full. Locations stay as they were.
#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>
#include <conduit/flat_file_db.hpp>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

std::string reading(int number) {
  return "sensor " + std::to_string(number % 17) + " measured " +
         std::to_string(number * 31 % 997) + " at noon, as every day\n";
}

asio::awaitable<void> store_much(conduit::flat_file_db db) {
  std::vector<std::pair<conduit::data_location, std::string>> stored;
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (int line = 0; line < 50; ++line) text += reading(i * 50 + line);
    const conduit::data_location location = co_await db.put(asio::buffer(text));
    stored.emplace_back(location, std::move(text));
  }

  // A program that goes on does not wait for it. This one ends here, and asks for what is left.
  const std::vector<conduit::file_info> files = co_await db.files();
  for (const conduit::file_info& file : files) {
    if (file.sealed) co_await db.compress_file(file.number);
  }

  for (const auto& [location, text] : stored) {
    const conduit::blob found = co_await db.get(location);
    if (found.text() != text)
      throw std::runtime_error(location.to_string() + " is not what was stored");
  }
  const std::vector<conduit::file_info> compressed = co_await db.files();
  for (const conduit::file_info& file : compressed) {
    std::cout << "file " << file.number << ": " << file.plain_bytes << " bytes in "
              << file.stored_bytes << '\n';
    if (file.sealed && file.form != conduit::file_form::zstd)
      throw std::runtime_error("a sealed file was left plain");
  }
  std::cout << "compressed " << db.compression().sum.plain_bytes << " bytes to 1/"
            << db.compression().sum.ratio() << '\n';
  co_await db.close();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: example_compress_behind SCRATCH_DIR");
  conduit::options how(std::filesystem::path(argv[1]) / "blobs");
  how.compression = conduit::compression::zstd_on_seal;
  how.max_file_size = 1U << 20;
  asio::io_context context;
  auto done = asio::co_spawn(context, store_much(conduit::flat_file_db::open(context, how)),
                             asio::use_future);
  context.run();
  done.get();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
