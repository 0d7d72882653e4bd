// Callbacks instead of coroutines: each call takes a function, which gets an error code and the
// result.
#include <conduit/flat_file_db.hpp>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

// Keeps what the calls use until their handlers have run: the handle, the blob and the buffer.
class round_trip {
 public:
  explicit round_trip(conduit::flat_file_db db) : db_(std::move(db)) {}

  void start() {
    db_.put(asio::buffer(text_), [this](std::error_code error, conduit::data_location location) {
      on_stored(error, location);
    });
  }
  bool succeeded() const { return succeeded_; }

 private:
  void on_stored(std::error_code error, const conduit::data_location& location) {
    if (error) return complain("put", error);
    buffer_.resize(location.size());
    db_.get_into(location, conduit::slice{}, asio::buffer(buffer_),
                 [this](std::error_code failed, std::size_t length) { on_read(failed, length); });
  }

  void on_read(std::error_code error, std::size_t length) {
    if (error) return complain("get_into", error);
    succeeded_ = std::string_view(buffer_.data(), length) == text_;
    std::cout << "read " << length << " bytes: " << (succeeded_ ? "the blob" : "something else")
              << '\n';
  }

  static void complain(std::string_view what, const std::error_code& error) {
    std::cerr << what << ": " << error.message() << '\n';
  }

  conduit::flat_file_db db_;
  const std::string text_ = "stored by a callback";
  std::vector<char> buffer_;
  bool succeeded_ = false;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: example_callback SCRATCH_DIR");
  asio::io_context context;
  round_trip trip(conduit::flat_file_db::open(
      context, conduit::options(std::filesystem::path(argv[1]) / "blobs")));
  trip.start();
  context.run();  // returns when no operation is pending
  return trip.succeeded() ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
