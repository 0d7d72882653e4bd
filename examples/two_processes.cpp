// Two processes share a directory. Each opens the store for itself, after the fork; a location
// travels as 24 bytes.
#include <array>
#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>
#include <conduit/flat_file_db.hpp>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

constexpr int blob_count = 500;

std::string text_of(const std::string& who, int i) {
  return who + " writes blob " + std::to_string(i);
}

asio::awaitable<std::vector<conduit::data_location>> put_all(conduit::flat_file_db db,
                                                             std::string who) {
  std::vector<conduit::data_location> locations;
  for (int i = 0; i < blob_count; ++i) {
    const std::string text = text_of(who, i);
    const conduit::data_location location = co_await db.put(asio::buffer(text));
    locations.push_back(location);
  }
  co_return locations;
}

asio::awaitable<void> check_all(conduit::flat_file_db db, std::string who,
                                std::vector<conduit::data_location> locations) {
  for (int i = 0; i < blob_count; ++i) {
    const conduit::blob back = co_await db.get(locations.at(static_cast<std::size_t>(i)));
    if (back.text() != text_of(who, i))
      throw std::runtime_error("read something else than " + who + " stored");
  }
}

template <typename Result>
Result run(asio::io_context& context, asio::awaitable<Result> work) {
  auto done = asio::co_spawn(context, std::move(work), asio::use_future);
  context.restart();
  context.run();
  return done.get();
}

// The child's part: puts, and sends the locations.
void be_child(const conduit::options& how, int to_parent) {
  asio::io_context context;
  const auto db = conduit::flat_file_db::open(context, how);
  for (const conduit::data_location& location : run(context, put_all(db, "child"))) {
    const auto bytes = location.encode();
    if (::write(to_parent, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("write to the pipe");
  }
}

std::vector<conduit::data_location> receive(int from_child) {
  std::vector<conduit::data_location> locations;
  std::array<std::byte, conduit::data_location::encoded_size> bytes{};
  // Such small writes to a pipe are never torn, and their size divides what the pipe holds.
  while (::read(from_child, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())) {
    locations.push_back(conduit::data_location::decode(bytes));
  }
  return locations;
}

void be_parent(const conduit::options& how, int from_child) {
  asio::io_context context;
  const auto db = conduit::flat_file_db::open(context, how);
  const auto own = run(context, put_all(db, "parent"));
  const auto childs = receive(from_child);
  run(context, check_all(db, "parent", own));
  run(context, check_all(db, "child", childs));
  std::cout << "both read: " << own.size() << " blobs of the parent, " << childs.size()
            << " of the child\n";
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: example_two_processes SCRATCH_DIR");
  const conduit::options how(std::filesystem::path(argv[1]) / "blobs");
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) throw std::runtime_error("pipe");
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    ::close(pipe[0]);
    be_child(how, pipe[1]);
    return 0;
  }
  ::close(pipe[1]);
  be_parent(how, pipe[0]);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
