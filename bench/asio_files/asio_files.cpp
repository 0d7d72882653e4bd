#include "asio_files.hpp"

#include <asio/io_context.hpp>
#include <asio/random_access_file.hpp>
#include <asio/read_at.hpp>
#include <asio/use_awaitable.hpp>
#include <filesystem>
#include <memory>
#include <vector>

#include "../workload.hpp"

namespace conduit::bench {
namespace {

asio::awaitable<void> read_file(asio::random_access_file& file, access_pattern& pattern,
                                stint& time) {
  const block_memory memory;
  do {
    const std::uint64_t offset = pattern.next();
    const std::size_t count =
        co_await file.async_read_some_at(offset, memory.buffer(), asio::use_awaitable);
    require(count == block_bytes, "async_read_some_at");
  } while (time.next());
}

}  // namespace

asio_sample read_with_asio_files(const char* path, unsigned objects, unsigned count,
                                 double seconds) {
  static asio::io_context context;
  std::vector<std::unique_ptr<asio::random_access_file>> files;
  for (unsigned i = 0; i < objects; ++i) {
    files.push_back(std::make_unique<asio::random_access_file>(
        context, path, asio::random_access_file::read_only));
  }
  access_pattern pattern(std::filesystem::file_size(path), 1);
  stint time(seconds);
  run_coroutines(context, count,
                 [&](unsigned i) { return read_file(*files[i % objects], pattern, time); });
  const sample found = time.result();
  return {found.rate, found.cpu_us_op};
}

}  // namespace conduit::bench
