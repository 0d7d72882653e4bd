// A store beside another one that is gone, with its lock file, when this object is.
#pragma once

#include <string>

namespace conduit::cli {

class temporary_store {
 public:
  // Throws `failure`.
  explicit temporary_store(const std::string& beside);
  temporary_store(const temporary_store&) = delete;
  temporary_store& operator=(const temporary_store&) = delete;
  ~temporary_store();

  const std::string& directory() const noexcept { return directory_; }
  std::string lock() const { return directory_ + ".lock"; }

 private:
  std::string directory_;
};

}  // namespace conduit::cli
