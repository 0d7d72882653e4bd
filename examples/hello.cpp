// Stores a blob, reads it back whole and in part. Built for C++20 and linked with
// conduit::flat_file_db.
#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>
#include <conduit/flat_file_db.hpp>
#include <iostream>
#include <stdexcept>

asio::awaitable<void> hello(conduit::flat_file_db db) {
  const std::string text = "Hello, blob!";
  const conduit::data_location location = co_await db.put(asio::buffer(text));
  const conduit::blob whole = co_await db.get(location);
  const conduit::blob part = co_await db.get_slice(location, conduit::slice{7, 11});
  std::cout << location.to_string() << " holds \"" << whole.text() << "\", bytes 7 to 11 are \""
            << part.text() << "\"\n";
  if (whole.text() != text || part.text() != "blob")
    throw std::runtime_error("read something else than was stored");
  co_await db.close();
}

int main() {
  asio::io_context context;
  auto done = asio::co_spawn(context,
                             hello(conduit::flat_file_db::open(context, conduit::options("blobs"))),
                             asio::use_future);
  context.run();
  done.get();  // throws what the coroutine threw
}
