// Walks directory trees and returns the regular files in them, one at a time, without following
// symbolic links.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <system_error>
#include <vector>

namespace conduit::cli {

// The identity of a file or directory, whatever its name.
struct file_identity {
  dev_t device = 0;
  ino_t inode = 0;

  friend bool operator==(const file_identity&, const file_identity&) = default;
};

std::optional<file_identity> identity_of(const std::string& path);  // through links
bool contains(const std::vector<file_identity>& files, const file_identity& one) noexcept;

class tree_walk {
 public:
  // Called under the walk's lock for each object that is no regular file, with its kind.
  using passed_over = std::function<void(const std::string& path, std::string_view why)>;
  // The same for objects that cannot be examined.
  using unreadable = std::function<void(const std::string& path, const std::error_code& error)>;

  // `roots` are walked in their order, each directory in the order of its names. A directory in
  // `excluded` is skipped.
  tree_walk(std::vector<std::string> roots, std::vector<file_identity> excluded,
            passed_over on_passed_over, unreadable on_unreadable);

  // The next regular file. From any thread.
  std::optional<std::string> next();

 private:
  struct child {
    std::string name;
    std::filesystem::file_type type;
  };
  // A directory on the way. Its names are read at once, so that a deep tree holds no descriptors.
  struct level {
    std::string prefix;           // of the names
    std::vector<child> children;  // the last one is next
  };

  void enter(const std::string& directory);

  std::mutex mutex_;
  std::vector<file_identity> excluded_;
  passed_over on_passed_over_;
  unreadable on_unreadable_;
  std::vector<level> levels_;
};

}  // namespace conduit::cli
