// A compressed store: puts become frames of zstd, and a slice decodes only the frames it touches.
// Whoever has the zstd program can read the files.
#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>
#include <conduit/flat_file_db.hpp>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

std::string journal(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i)
    text += "entry " + std::to_string(i) + ": nothing of note happened today\n";
  return text;
}

asio::awaitable<void> store_and_read(conduit::flat_file_db db) {
  const std::string text = journal(20'000);
  const conduit::data_location location = co_await db.put(asio::buffer(text));

  const conduit::blob part = co_await db.get_slice(location, conduit::slice{400'000, 400'100});
  if (part.text() != text.substr(400'000, 100))
    throw std::runtime_error("the slice is not what was stored");
  const conduit::blob whole = co_await db.get(location);
  if (whole.text() != text) throw std::runtime_error("the blob is not what was stored");

  const std::vector<conduit::file_info> files = co_await db.files();
  for (const conduit::file_info& file : files) {
    std::cout << "file " << file.number << ": " << file.plain_bytes << " bytes in "
              << file.stored_bytes << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  conduit::options how(std::string(argv[1]) + "/store");
  how.compression = conduit::compression::zstd;
  asio::io_context context;
  const auto db = conduit::flat_file_db::open(context, how);
  auto done = asio::co_spawn(context, store_and_read(db), asio::use_future);
  context.run();
  done.get();
}
