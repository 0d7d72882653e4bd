// What a user's first program does: open a store, put, get, compare.
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <conduit/flat_file_db.hpp>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

asio::awaitable<void> store_and_read(conduit::flat_file_db db) {
  const std::string text = "a blob of a consumer";
  const conduit::data_location location = co_await db.put(asio::buffer(text));
  const conduit::blob back = co_await db.get(location);
  if (back.text() != text) throw std::runtime_error("the store returned other bytes than were put");
  co_await db.close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: consumer DIRECTORY\n";
    return 2;
  }
  asio::io_context context;
  std::exception_ptr failure;
  const conduit::options how(argv[1]);
  conduit::flat_file_db db = conduit::flat_file_db::open(context, how);
  asio::co_spawn(context, store_and_read(db), [&](std::exception_ptr error) { failure = error; });
  context.run();
  if (failure) std::rethrow_exception(failure);
  std::cout << "stored and read back\n";
}
