#include "cli/exit_status.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <conduit/error.hpp>

namespace conduit::cli {

exit_status status_of(const std::error_code& error) noexcept {
  if (!error) return exit_status::done;
  if (error.category() != error_category()) return exit_status::failed;
  switch (static_cast<errc>(error.value())) {
    case errc::corrupt:
      return exit_status::corrupt;
    case errc::out_of_range:
    case errc::no_such_file:
    case errc::not_a_regular_file:
      return exit_status::missing;
    case errc::bad_location:
      return exit_status::usage;
    default:
      return exit_status::failed;
  }
}

exit_status worse(exit_status one, exit_status other) noexcept {
  for (exit_status candidate :
       {exit_status::corrupt, exit_status::missing, exit_status::usage, exit_status::failed}) {
    if (one == candidate || other == candidate) return candidate;
  }
  return exit_status::done;
}

failure::failure(std::string_view subject, const std::error_code& error)
    : failure(status_of(error), fmt::format("{}: {}", subject, error.message())) {}

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

}  // namespace conduit::cli
