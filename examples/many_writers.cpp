// Many coroutines put at the same time. What arrives while one write is under way is written
// together by the next one, under one lock and, as here, with one fdatasync.
#include <asio/co_spawn.hpp>
#include <conduit/flat_file_db.hpp>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr std::size_t writer_count = 64;
constexpr std::size_t blobs_a_writer = 20;

struct stored_blob {
  std::string text;
  conduit::data_location location;
};

asio::awaitable<void> write_some(conduit::flat_file_db db, std::size_t writer,
                                 std::vector<stored_blob>& all) {
  for (std::size_t i = 0; i < blobs_a_writer; ++i) {
    std::string text = "blob " + std::to_string(i) + " of writer " + std::to_string(writer);
    const conduit::data_location location = co_await db.put(asio::buffer(text));
    all.push_back(
        {std::move(text), location});  // every coroutine runs on the one thread of the context
  }
}

asio::awaitable<void> check(conduit::flat_file_db db, const std::vector<stored_blob>& all) {
  for (const stored_blob& stored : all) {
    const conduit::blob back = co_await db.get(stored.location);
    if (back.text() != stored.text) throw std::runtime_error("read something else than was stored");
  }
}

void rethrow(const std::exception_ptr& failure) {
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: example_many_writers SCRATCH_DIR");
  conduit::options how(std::filesystem::path(argv[1]) / "blobs");
  how.durability = conduit::durability::fdatasync;

  asio::io_context context;
  const auto db = conduit::flat_file_db::open(context, how);
  std::vector<stored_blob> all;
  for (std::size_t writer = 0; writer < writer_count; ++writer)
    asio::co_spawn(context, write_some(db, writer, all), rethrow);
  context.run();

  const conduit::store_stats stats = db.stats();
  std::cout << stats.puts << " durable puts in " << stats.batches << " batches\n";

  context.restart();
  asio::co_spawn(context, check(db, all), rethrow);
  context.run();
  return all.size() == writer_count * blobs_a_writer && stats.batches < stats.puts ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
