#include "cli/output.hpp"

#include <cerrno>
#include <unistd.h>

#include "cli/exit_status.hpp"

namespace conduit::cli {

void write_all(int fd, std::span<const std::byte> bytes, std::string_view subject) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      throw failure(subject, last_error());
    }
  }
}

void write_all(int fd, std::string_view text, std::string_view subject) {
  write_all(fd, std::as_bytes(std::span(text)), subject);
}

void write_to_stdout(std::string_view text) { write_all(STDOUT_FILENO, text, "standard output"); }

void write_json_to_stdout(const nlohmann::ordered_json& document) {
  write_to_stdout(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
                  "\n");
}

}  // namespace conduit::cli
