#include "cli/temporary_store.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "cli/exit_status.hpp"
#include "cli/store_flags.hpp"

namespace conduit::cli {

namespace fs = std::filesystem;

temporary_store::temporary_store(const std::string& beside) {
  directory_ = absolute_store_path(beside) + ".bench-XXXXXX";
  if (::mkdtemp(directory_.data()) == nullptr) throw failure(directory_, last_error());
}

temporary_store::~temporary_store() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
  fs::remove(lock(), ignored);
}

}  // namespace conduit::cli
