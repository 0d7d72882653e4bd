// Streams a blob into a socket in pieces: neither side ever holds more than a few of them.
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>
#include <conduit/flat_file_db.hpp>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using socket_type = asio::local::stream_protocol::socket;

asio::awaitable<void> send(conduit::blob_reader reader, socket_type to) {
  std::vector<char> piece(64U << 10);
  for (;;) {
    std::error_code error;
    const std::size_t count = co_await reader.async_read_some(
        asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::eof) co_return;
    if (error) throw std::system_error(error);
    co_await asio::async_write(to, asio::buffer(piece.data(), count), asio::use_awaitable);
  }
}

asio::awaitable<std::size_t> receive(socket_type from, char expected) {
  std::vector<char> piece(64U << 10);
  for (std::size_t sum = 0;;) {
    std::error_code error;
    const std::size_t count = co_await from.async_read_some(
        asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::eof) co_return sum;
    if (error) throw std::system_error(error);
    for (std::size_t i = 0; i < count; ++i) {
      if (piece[i] != expected) throw std::runtime_error("another byte than was sent");
    }
    sum += count;
  }
}

asio::awaitable<void> run(asio::io_context& context, conduit::flat_file_db db) {
  const std::string bytes(32U << 20, 's');
  const conduit::data_location location = co_await db.put(asio::buffer(bytes));
  socket_type near(context);
  socket_type far(context);
  asio::local::connect_pair(near, far);
  // Only a slice of it: all but the first and the last byte.
  conduit::blob_reader reader = db.open_reader(location, {1, bytes.size() - 1});
  const std::size_t expected = reader.size();
  asio::co_spawn(context, send(std::move(reader), std::move(near)),
                 [](const std::exception_ptr& failure) {
                   if (failure) std::rethrow_exception(failure);
                 });
  const std::size_t received = co_await receive(std::move(far), 's');
  std::cout << "received " << received << " of " << expected << " bytes\n";
  if (received != expected) throw std::runtime_error("some bytes are missing");
}

}  // namespace

int main(int count, char** words) {
  try {
    conduit::options how(std::filesystem::path(words[count - 1]) / "store");
    how.compression = conduit::compression::zstd;
    asio::io_context context;
    const auto db = conduit::flat_file_db::open(context, how);
    auto result = asio::co_spawn(context, run(context, db), asio::use_future);
    context.run();
    result.get();
    return 0;
  } catch (const std::exception& failure) {
    std::cerr << "stream_to_socket: " << failure.what() << '\n';
    return 1;
  }
}
