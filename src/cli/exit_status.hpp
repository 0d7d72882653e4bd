// The meanings of the program's exit status, and the one place where an error becomes one.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace conduit::cli {

enum class exit_status {
  done = 0,
  failed = 1,   // the operation failed
  usage = 2,    // wrong usage, or a location or slice that makes no sense
  corrupt = 3,  // data found corrupt
  missing = 4   // no such data file, or out of range
};

exit_status status_of(const std::error_code& error) noexcept;

// The exit status after several outcomes: findings about the data count more than failures to do
// something.
exit_status worse(exit_status one, exit_status other) noexcept;

// Ends the command with a sentence on stderr.
class failure : public std::runtime_error {
 public:
  failure(exit_status status, const std::string& sentence)
      : std::runtime_error(sentence), status_(status) {}
  // `subject` names the object of the error: a path, a location, a data file.
  failure(std::string_view subject, const std::error_code& error);

  exit_status status() const noexcept { return status_; }

 private:
  exit_status status_;
};

// The error of the last system call.
std::error_code last_error() noexcept;

}  // namespace conduit::cli
