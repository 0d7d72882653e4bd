// Futures, for a program that is not asynchronous: a thread runs the context, any other thread
// waits for results.
#include <asio/executor_work_guard.hpp>
#include <asio/use_future.hpp>
#include <conduit/flat_file_db.hpp>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

// A store with the thread that works for it.
class blocking_store {
 public:
  explicit blocking_store(const conduit::options& how)
      : db_(conduit::flat_file_db::open(context_, how)) {}
  ~blocking_store() {
    work_.reset();  // the thread ends when nothing is pending any more
    thread_.join();
  }

  const conduit::flat_file_db& db() const { return db_; }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(context_);
  conduit::flat_file_db db_;
  std::thread thread_{[this] { context_.run(); }};
};

void use(const conduit::flat_file_db& db) {
  const std::string text = "waited for";
  const conduit::data_location location = db.put(asio::buffer(text), asio::use_future).get();
  const conduit::blob back = db.get(location, asio::use_future).get();
  if (back.text() != text) throw std::runtime_error("read something else than was stored");

  // An error arrives as std::system_error, out of `get`.
  try {
    db.get_slice(location, conduit::slice{0, 1000}, asio::use_future).get();
    throw std::runtime_error("a slice past the blob's end was read");
  } catch (const std::system_error& error) {
    if (error.code() != conduit::errc::out_of_range) throw;
    std::cout << "as it should be: " << error.code().message() << '\n';
  }
  db.sync(asio::use_future).get();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: example_future SCRATCH_DIR");
  const blocking_store store(conduit::options(std::filesystem::path(argv[1]) / "blobs"));
  use(store.db());
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
