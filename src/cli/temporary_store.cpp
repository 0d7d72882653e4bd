#include "cli/temporary_store.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "cli/exit_status.hpp"

namespace conduit::cli {

namespace fs = std::filesystem;

temporary_store::temporary_store(const std::string& beside) {
  fs::path absolute = fs::absolute(beside).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // a trailing slash
  directory_ = absolute.native() + ".bench-XXXXXX";
  if (::mkdtemp(directory_.data()) == nullptr) throw failure(directory_, last_error());
}

temporary_store::~temporary_store() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
  fs::remove(lock(), ignored);
}

}  // namespace conduit::cli
