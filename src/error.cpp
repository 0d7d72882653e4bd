#include <conduit/error.hpp>
#include <string>

namespace conduit {

namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "conduit"; }

  std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
      case errc::corrupt:
        return "The stored bytes are not what was stored";
      case errc::out_of_range:
        return "The location or the slice reaches past the bytes that exist";
      case errc::no_such_file:
        return "There is no data file of that number";
      case errc::mutable_file:
        return "The mutable file cannot be deleted or compressed; roll first";
      case errc::closed:
        return "The store is closed";
      case errc::poisoned:
        return "A sync failed earlier; what was acknowledged without durability may be lost";
      case errc::wrong_form:
        return "The data file has another form than this call needs";
      case errc::locked:
        return "No lock can be had: the lock file is replaced again and again, or another process "
               "is still making the store";
      case errc::read_only:
        return "The store was opened read-only";
      case errc::bad_location:
        return "This is not a location; one looks like 7:4096-8192#9f86d081";
      case errc::bad_options:
        return "An option has a value that makes no sense";
      case errc::unsupported_file_system:
        return "Data or lock lie on a network file system, where locks cannot be relied on";
      case errc::not_a_regular_file:
        return "A link, FIFO, device or directory stands under the file's name; it is not opened";
      case errc::forked:
        return "The store was opened before fork() and cannot be used in the child";
      case errc::busy:
        return "The queue of puts has no room now";
      case errc::hidden_asio:
        return "The program and this shared library do not share the state of Asio, which the "
               "program hides";
    }
    return "Unknown error of the store";
  }
};

}  // namespace

const std::error_category& error_category() noexcept {
  static const category instance;
  return instance;
}

std::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

}  // namespace conduit
