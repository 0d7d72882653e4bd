// The names of data files, as the original writes them: data_00000007.dat, data_00000007.dat.zst.
#pragma once

#include <array>
#include <conduit/reports.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace conduit::files {

struct file_id {
  std::uint32_t number = 0;
  file_form form = file_form::plain;

  friend bool operator==(const file_id&, const file_id&) = default;
};

// A name without a heap allocation: every disk access needs one.
class file_name {
 public:
  explicit file_name(std::uint32_t number, file_form form = file_form::plain) noexcept;
  explicit file_name(file_id file) noexcept : file_name(file.number, file.form) {}

  const char* c_str() const noexcept { return text_.data(); }
  std::string text() const { return text_.data(); }

 private:
  std::array<char, 24> text_{};  // "data_4294967295.dat.zst" and its final NUL
};

// Empty for every other name: foreign files in the directory are ignored.
std::optional<file_id> parse_file_name(std::string_view name) noexcept;

}  // namespace conduit::files
